// The settings form: what it says as settings of the API. The fields are made at build time (form.mjs);
// each tells its setting, its default and when it is there.
import { byId, input, note, say } from '../dom.ts'
import type { Settings as Values } from '../net/types.ts'
import { type Key, t } from '../words/words.ts'
import { type Timing, secondsOf } from './timing.ts'

const GIF_MAX_FPS = 50
const MAX_FPS = input('fps').max

const form = byId<HTMLFormElement>('settings')
const entries = [...form.querySelectorAll<HTMLElement>('.entry')]
type Control = HTMLInputElement | HTMLSelectElement | RadioNodeList

/** What a control says. */
function text(name: string) {
  return (form.elements.namedItem(name) as Control).value
}
const numberIn = (name: string) => input(name).valueAsNumber

/** What a control says as a setting; numbers are numbers. */
function read(name: string): string | number | boolean {
  const control = form.elements.namedItem(name) as Control
  if (!(control instanceof HTMLInputElement)) return control.value
  if (control.type === 'checkbox') return control.checked
  return ['number', 'range'].includes(control.type) ? control.valueAsNumber : control.value
}

/** `hold=seconds transition!=none`: whether all of it holds. */
const holds = (condition: string | undefined) =>
  !condition ||
  condition.split(' ').every((part) => {
    const [, name = '', not, value] = /^([^!=]+)(!?)=(.*)$/.exec(part) ?? []
    return (text(name) === value) !== (not === '!')
  })

/** What a field says as settings, where that is not just its value under its name. */
const said: Record<string, (value: string) => Values> = {
  hold: (value) => ({ hold: value === 'seconds' ? numberIn('hold-seconds') : value }),
  'hold-seconds': () => ({}),
  stamp: (value) => ({ stamp: `${value}@${text('stamp-place')}` }),
  'stamp-place': () => ({}),
  deflicker: (value) => ({ deflicker: Number(value) }),
  poster: (value) => ({ poster: `${value}s` }),
  kind: (value) => {
    const [format = '', codec = ''] = value.split('+')
    return { format, codec }
  },
}

/** A beginning that one only has to like. */
export const presets: Record<string, Record<string, string>> = {
  timelapse: { hold: 'frame', size: 'auto', fit: 'contain' },
  slideshow: { hold: 'seconds', 'hold-seconds': '3', transition: 'crossfade', 'transition-duration': '1', motion: 'none', size: '1080p', fit: 'blur' },
  story: { hold: 'seconds', 'hold-seconds': '4', transition: 'crossfade', 'transition-duration': '1.2', motion: 'kenburns', size: '1080p', fit: 'cover' },
  square: { hold: 'seconds', 'hold-seconds': '2.5', transition: 'crossfade', 'transition-duration': '0.6', motion: 'none', size: 'square', fit: 'blur' },
  vertical: { hold: 'seconds', 'hold-seconds': '2.5', transition: 'slide-left', 'transition-duration': '0.6', motion: 'kenburns', size: 'vertical', fit: 'cover' },
}

export class Settings extends EventTarget {
  /** Of the film, for the bounds that depend on it. */
  timing: Timing = { holds: [], fps: 30 }

  /** Nobody has chosen anything yet. */
  untouched = true

  constructor() {
    super()
    form.addEventListener('input', () => {
      this.untouched = false
      this.#changed()
    })
    form.addEventListener('submit', (event) => event.preventDefault())
    for (const button of form.querySelectorAll<HTMLButtonElement>('[data-preset]'))
      button.addEventListener('click', () => {
        this.untouched = false
        this.apply(presets[button.dataset.preset!]!)
      })
    this.#changed()
  }

  #changed() {
    for (const entry of entries) entry.hidden = !holds(entry.dataset.when)
    for (const pair of form.querySelectorAll<HTMLElement>('.pair'))
      pair.hidden = [...pair.children].every((child) => (child as HTMLElement).hidden)
    input('fps').max = text('kind') === 'gif+gif' ? String(GIF_MAX_FPS) : MAX_FPS
    say('quality-value', text('quality'))
    for (const [name, values] of Object.entries(presets))
      form.querySelector(`[data-preset=${name}]`)!.setAttribute('aria-pressed', String(this.#is(values)))
    this.check()
    this.dispatchEvent(new Event('change'))
  }

  #is = (values: Record<string, string>) => Object.entries(values).every(([name, value]) => text(name) === value)

  #put(values: Record<string, string>) {
    for (const [name, value] of Object.entries(values)) {
      const control = form.elements.namedItem(name)
      if (control instanceof HTMLInputElement && control.type === 'checkbox') control.checked = value === 'true'
      else if (control) (control as HTMLInputElement).value = value
    }
  }

  apply(values: Record<string, string>) {
    this.#put(values)
    this.#changed()
  }

  /** What the whole form says, to be put back by `apply`. */
  get form(): Record<string, string> {
    const all: Record<string, string> = {}
    for (const element of form.elements)
      if (element instanceof HTMLSelectElement || element instanceof HTMLInputElement) {
        if (!element.name || (element.type === 'radio' && !element.checked)) continue
        all[element.name] = element.type === 'checkbox' ? String(element.checked) : element.value
      }
    return all
  }

  /** Bounds that depend on other fields; gives a message, or nothing. */
  #bounds: Record<string, () => string> = {
    poster: () => {
      const all = secondsOf(this.timing)
      return all > 0 && numberIn('poster') > 0 && numberIn('poster') >= all ? t('error.poster-late') : ''
    },
    fps: () => (text('kind') === 'gif+gif' && numberIn('fps') > GIF_MAX_FPS ? t('error.gif-fps', { n: GIF_MAX_FPS }) : ''),
    'transition-duration': () => {
      const shortest = Math.min(...this.timing.holds.slice(1))
      if (text('hold') === 'seconds' && numberIn('transition-duration') > numberIn('hold-seconds')) return t('error.transition-long')
      return numberIn('transition-duration') > shortest ? t('error.transition-long') : ''
    },
  }

  /** The fields that are there. */
  get #shown() {
    return entries.filter((entry) => !entry.hidden)
  }

  /** Marks the fields that are wrong; gives whether none is. */
  check() {
    let good = true
    for (const entry of entries) {
      const error = entry.querySelector<HTMLElement>('.error')
      const control = error && input(entry.dataset.field!)
      if (!error || !control) continue
      const dependent = entry.hidden ? '' : (this.#bounds[entry.dataset.field!]?.() ?? '')
      control.setCustomValidity(dependent)
      const fine = entry.hidden || control.checkValidity()
      control.setAttribute('aria-invalid', String(!fine))
      note(error.id, fine ? '' : dependent || t(error.dataset.error as Key, JSON.parse(error.dataset.values ?? '{}')))
      if (!fine) good = false
    }
    return good
  }

  /** Moves to the first field that is wrong. */
  point() {
    const wrong = this.#shown.map((entry) => entry.querySelector<HTMLElement>('[aria-invalid="true"]')).find(Boolean)
    const details = wrong?.closest('details')
    if (details) details.open = true
    wrong?.focus()
  }

  /** What differs from the defaults; how long a photo stays is always said. The photos go in the order in
   * which they stand here, so `order` is not among it: the server would have to wait for all of them. */
  get values(): Values {
    const values: Values = {}
    for (const { dataset } of this.#shown) {
      const name = dataset.field!
      const value = read(name)
      if (name !== 'hold' && JSON.stringify(value) === dataset.default) continue
      Object.assign(values, said[name]?.(String(value)) ?? { [name]: value })
    }
    return values
  }

  get fps() {
    return numberIn('fps')
  }
}
