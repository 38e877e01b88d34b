// The settings form: what it says as settings of the API, and how long the film will be.
import { byId, note, say, show } from './dom.js'
import { length } from './words.js'

const SHORT_SECONDS = 1

const radio = (name) => byId('settings').elements[name].value

/** Frames of a film of so many photos: the sum of their times, at least one frame each.
 * @param {number} photos @param {number} fps @param {number | 'frame'} hold */
export function frameCount(photos, fps, hold) {
  return hold === 'frame' ? photos : Math.max(photos, Math.round(photos * hold * fps))
}

/** @param {HTMLInputElement} input @param {string} id of its message @param {string} text */
function checkField(input, id, text) {
  const good = input.checkValidity()
  input.setAttribute('aria-invalid', String(!good))
  note(id, good ? '' : text)
  return good
}

const badFps = 'A number from 1 to 120.'
const badHold = 'A number of seconds over 0, at most a day.'

export class Settings extends EventTarget {
  constructor() {
    super()
    byId('settings').addEventListener('input', () => this.#changed())
    this.#changed()
  }

  #changed() {
    show('hold-field', radio('hold') === 'seconds')
    say('quality-value', byId('quality').value)
    this.check()
    this.dispatchEvent(new Event('change'))
  }

  /** Marks the fields that are wrong; gives whether none is. */
  check() {
    const held = radio('hold') === 'seconds'
    const holdGood = !held || checkField(byId('hold-seconds'), 'hold-error', badHold)
    if (!held) note('hold-error', '')
    return checkField(byId('fps'), 'fps-error', badFps) && holdGood
  }

  /** Moves to the first field that is wrong. */
  point() {
    const wrong = ['hold-seconds', 'fps'].map(byId).find((input) => !input.closest('[hidden]') && !input.checkValidity())
    wrong?.focus()
  }

  get values() {
    return {
      fps: byId('fps').valueAsNumber,
      hold: radio('hold') === 'frame' ? 'frame' : byId('hold-seconds').valueAsNumber,
      size: radio('size'),
      fit: byId('fit').value,
      speed: byId('speed').value,
      quality: byId('quality').valueAsNumber,
    }
  }

  /** Shows the length of the film of so many photos. @param {number} photos */
  tellLength(photos) {
    if (!this.check() || photos === 0) {
      say('length', '–')
      say('length-hint', '')
      return
    }
    const { fps, hold } = this.values
    const seconds = frameCount(photos, fps, hold) / fps
    say('length', length(seconds))
    const short = seconds < SHORT_SECONDS && hold === 'frame'
    note('length-hint', short ? 'That is over in a blink: with “Seconds” each photo stays longer.' : '')
  }
}
