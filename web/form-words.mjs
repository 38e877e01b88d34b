// How the page shows settings: in which group, and as what. What the JSON Schema has and this table does
// not is shown all the same, at the end and by its own name.

/** Settings in the order of the form; those in one list stand side by side. */
export const groups = [
  { place: 'basics', names: ['hold', ['transition', 'transition-duration'], 'motion', 'size'] },
  { place: 'more', title: 'group.picture', names: ['fit', 'background', 'stamp', 'deflicker', 'poster', 'seed'] },
  { place: 'more', title: 'group.file', names: ['kind', ['speed', 'fps'], 'quality', 'held-frames'] },
]

/** Not in the form: the order is that of the photos on the page, programs are not asked here, and files
 * beside the photos have no signed addresses yet, and the functions end a job that has a bad photo. */
export const elsewhere = ['order', 'on-bad-image', 'audio', 'audio-fade', 'audio-gain', 'audio-loop', 'watermark', 'reuse', 'callback-url']

/** Parts of a setting, or settings that are chosen together. */
export const together = { kind: ['codec', 'format'] }

/** The sizes with names; the shape is drawn beside them. */
export const offeredSizes = ['auto', '1080p', '720p', '2160p', 'square', 'vertical']

/** `when`: the field is there while all of these hold. */
export const fields = {
  'hold-seconds': { when: 'hold=seconds', value: 3 },
  transition: { when: 'hold!=frame' },
  'transition-duration': { when: 'hold!=frame transition!=none' },
  motion: { when: 'hold!=frame' },
  background: { look: 'colour' },
  'stamp-place': { when: 'stamp!=none' },
  deflicker: { when: 'hold=frame', look: 'choice', offered: [7, 15, 41] },
  poster: { look: 'seconds' },
  seed: { when: 'hold!=frame motion=kenburns' },
  quality: { look: 'range' },
  'held-frames': { when: 'hold!=frame kind=mp4+h264' },
}
