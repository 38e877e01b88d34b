// How the page shows settings: in which group, under which label, in which words. What the JSON Schema
// has and this table does not is shown all the same, at the end and by its own name.

/** Settings in the order of the form; those in one list stand side by side. */
export const groups = [
  { place: 'basics', names: ['hold', ['transition', 'transition-duration'], 'motion', 'size', 'fps'] },
  { place: 'more', title: 'Picture', names: ['fit', 'background', 'stamp', 'deflicker', 'poster', 'seed'] },
  { place: 'more', title: 'File', names: ['kind', 'quality', 'speed', 'held-frames', 'on-bad-image'] },
]

/** Not in the form: what stands elsewhere on the page, and what needs files beside the photos. */
export const elsewhere = ['order', 'audio', 'audio-fade', 'audio-gain', 'audio-loop', 'watermark']

/** Parts of a setting, or settings that are chosen together. */
export const together = { kind: ['codec', 'format'] }

/** `told`: the label for those who do not see what stands beside it. `when`: the field is there while all of these hold. `unset`: what an empty field means. */
export const fields = {
  hold: { label: 'Each photo stays' },
  'hold-seconds': { label: 'Seconds for each photo', when: 'hold=seconds', value: 3, error: 'A number of seconds over 0, at most a day.' },
  transition: { label: 'From photo to photo', when: 'hold=seconds' },
  'transition-duration': { label: 'Seconds', told: 'Seconds of the transition', when: 'hold=seconds transition!=none' },
  motion: { label: 'Movement', when: 'hold=seconds' },
  size: { label: 'Size' },
  fps: { label: 'Frames per second' },
  fit: { label: 'Photos of another shape' },
  background: { label: 'Behind photos', look: 'colour' },
  stamp: { label: 'Text on each photo' },
  'stamp-place': { label: 'Where', when: 'stamp!=none' },
  deflicker: {
    label: 'Even out flicker', when: 'hold=frame', unset: 'Off', look: 'choice',
    offered: { 7: 'A little', 15: 'Well', 41: 'Strongly' },
  },
  poster: { label: 'Preview picture, at second', look: 'seconds', error: 'A number of seconds.' },
  seed: { label: 'Variation of the movement', error: 'A whole number.', when: 'hold=seconds motion=kenburns' },
  kind: { label: 'Kind of file' },
  quality: { label: 'Quality', look: 'range' },
  speed: { label: 'Encoding' },
  'held-frames': { label: 'Photos that stand still', when: 'hold=seconds kind=mp4+h264' },
  'on-bad-image': { label: 'Photos that cannot be read' },
}

export const words = {
  hold: { frame: ['One frame', 'Time-lapse'], seconds: ['Seconds', 'Slideshow'] },
  transition: {
    none: 'Cut',
    crossfade: 'Crossfade',
    fadeblack: 'Through black',
    fadewhite: 'Through white',
    'wipe-left': 'Wipe to the left',
    'wipe-right': 'Wipe to the right',
    'wipe-up': 'Wipe up',
    'wipe-down': 'Wipe down',
    'slide-left': 'Slide to the left',
    'slide-right': 'Slide to the right',
    'slide-up': 'Slide up',
    'slide-down': 'Slide down',
  },
  motion: {
    none: 'None',
    kenburns: 'Ken Burns',
    'zoom-in': 'Zoom in',
    'zoom-out': 'Zoom out',
    'pan-left': 'Pan to the left',
    'pan-right': 'Pan to the right',
    'pan-up': 'Pan up',
    'pan-down': 'Pan down',
  },
  // Those that the page offers; the shape is drawn beside them.
  size: {
    auto: ['Auto', 'As first photo'],
    '1080p': ['1080p', '1920 × 1080'],
    '720p': ['720p', '1280 × 720'],
    '2160p': ['4K', '3840 × 2160'],
    square: ['Square', '1080 × 1080'],
    vertical: ['Vertical', '1080 × 1920'],
  },
  fit: {
    contain: 'Whole, with borders',
    cover: 'Fill the picture, cut edges',
    blur: 'Whole, before a blurred copy',
    stretch: 'Stretched to fit',
  },
  stamp: { none: 'None', captured: 'Time taken', name: 'File name', index: 'Number' },
  'stamp-place': {
    'top-left': 'Top left',
    top: 'Top',
    'top-right': 'Top right',
    center: 'Centre',
    'bottom-left': 'Bottom left',
    bottom: 'Bottom',
    'bottom-right': 'Bottom right',
  },
  codec: { h264: 'H.264', hevc: 'HEVC', av1: 'AV1', vp9: 'VP9', prores: 'ProRes 422 HQ', gif: 'GIF' },
  format: { mp4: 'MP4', mov: 'MOV', webm: 'WebM', gif: 'Animated GIF' },
  speed: { fast: 'Fast', balanced: 'Balanced', small: 'Slow, smaller file' },
  'held-frames': { skip: 'Repeat exactly, smaller file', encoded: 'Encode every frame' },
  'on-bad-image': { fail: 'Stop and name them', skip: 'Show a neighbour instead' },
}
