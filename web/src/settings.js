// The settings form: what it says as settings of the API, and how long the film will be. The fields are
// made at build time (form.mjs); each tells its setting, its default and when it is there.
import { byId, note, say } from './dom.js'
import { length } from './words.js'

const SHORT_SECONDS = 1
const GIF_MAX_FPS = 50
const MAX_FPS = byId('fps').max

const form = byId('settings')
/** @type {HTMLElement[]} */
const entries = [...form.querySelectorAll('.entry')]

/** What a control says; numbers are numbers. @param {string} name @returns {any} */
function read(name) {
  const control = form.elements[name]
  if (control.type === 'checkbox') return control.checked
  if (['number', 'range'].includes(control.type)) return control.valueAsNumber
  return control.value
}

/** `hold=seconds transition!=none`: whether all of it holds. @param {string} [condition] */
const holds = (condition) =>
  !condition ||
  condition.split(' ').every((part) => {
    const [, name, not, value] = /^([^!=]+)(!?)=(.*)$/.exec(part)
    return (read(name) === value) !== (not === '!')
  })

/** Frames of a film of so many photos: the sum of their times, at least one frame each.
 * @param {number} photos @param {number} fps @param {number | 'frame'} hold */
export function frameCount(photos, fps, hold) {
  return hold === 'frame' ? photos : Math.max(photos, Math.round(photos * hold * fps))
}

/** What a field says as settings, where that is not just its value under its name.
 * @type {Record<string, (value: any) => object>} */
const said = {
  hold: (value) => ({ hold: value === 'frame' ? value : read('hold-seconds') }),
  'hold-seconds': () => ({}),
  stamp: (value) => ({ stamp: `${value}@${read('stamp-place')}` }),
  'stamp-place': () => ({}),
  deflicker: (value) => ({ deflicker: Number(value) }),
  poster: (value) => ({ poster: `${value}s` }),
  kind: (value) => {
    const [format, codec] = value.split('+')
    return { format, codec }
  },
}

/** Of which the film is. */
let photoCount = 0

function filmSeconds() {
  const hold = read('hold') === 'frame' ? 'frame' : read('hold-seconds')
  return frameCount(photoCount, read('fps'), hold) / read('fps')
}

/** Bounds that depend on other fields; gives a message, or nothing. @type {Record<string, () => string>} */
const bounds = {
  poster: () => (photoCount > 0 && read('poster') > 0 && read('poster') >= filmSeconds() ? 'The film is not that long.' : ''),
  fps: () => (read('kind') === 'gif+gif' && read('fps') > GIF_MAX_FPS ? `A GIF has at most ${GIF_MAX_FPS}.` : ''),
  'transition-duration': () =>
    read('transition-duration') > read('hold-seconds') ? 'Longer than a photo.' : '',
}

export class Settings extends EventTarget {
  /** @type {string} the page's order of photos */
  #order = 'name'

  constructor() {
    super()
    form.addEventListener('input', () => this.#changed())
    this.#changed()
  }

  #changed() {
    for (const entry of entries) entry.hidden = !holds(entry.dataset.when)
    for (const pair of form.querySelectorAll('.pair')) pair.hidden = [...pair.children].every(({ hidden }) => hidden)
    byId('fps').max = read('kind') === 'gif+gif' ? String(GIF_MAX_FPS) : MAX_FPS
    say('quality-value', String(read('quality')))
    this.check()
    this.dispatchEvent(new Event('change'))
  }

  set order(order) {
    this.#order = order
  }

  /** The fields that are there. */
  get #shown() {
    return entries.filter((entry) => !entry.hidden)
  }

  /** Marks the fields that are wrong; gives whether none is. */
  check() {
    let good = true
    for (const entry of entries) {
      const error = entry.querySelector('.error')
      if (!error) continue
      const control = byId(entry.dataset.field)
      const dependent = entry.hidden ? '' : (bounds[entry.dataset.field]?.() ?? '')
      control.setCustomValidity(dependent)
      const fine = entry.hidden || control.checkValidity()
      control.setAttribute('aria-invalid', String(!fine))
      note(error.id, fine ? '' : dependent || error.dataset.text)
      good &&= fine
    }
    return good
  }

  /** Moves to the first field that is wrong. */
  point() {
    const wrong = this.#shown.map((entry) => entry.querySelector('[aria-invalid="true"]')).find(Boolean)
    if (wrong?.closest('details')) wrong.closest('details').open = true
    wrong?.focus()
  }

  /** What differs from the defaults; how long a photo stays is always said. */
  get values() {
    const values = {}
    for (const { dataset } of this.#shown) {
      const value = read(dataset.field)
      if (dataset.field !== 'hold' && JSON.stringify(value) === dataset.default) continue
      Object.assign(values, said[dataset.field]?.(value) ?? { [dataset.field]: value })
    }
    return this.#order === 'captured' ? { ...values, order: 'captured' } : values
  }

  /** Shows the length of the film of so many photos. @param {number} photos */
  tellLength(photos) {
    photoCount = photos
    if (!this.check() || photos === 0) {
      say('length', '–')
      say('length-hint', '')
      return
    }
    const seconds = filmSeconds()
    say('length', length(seconds))
    const short = seconds < SHORT_SECONDS && read('hold') === 'frame'
    note('length-hint', short ? 'That is over in a blink: with “Seconds” each photo stays longer.' : '')
  }
}
