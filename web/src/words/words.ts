// Every text of the page comes from a catalogue: words/en.json and its translations, which have the
// same keys (the build checks it). Numbers, sizes and times are said as the language says them.
import de from './de.json'
import en from './en.json'

export type Key = keyof typeof en
/** Keys of texts that depend on a number: `photos` for `photos.one` and `photos.other`. */
export type Counted = Key extends infer K ? (K extends `${infer Stem}.one` ? Stem : never) : never
type Values = Record<string, string | number>

const catalogues: Record<string, Record<Key, string>> = { en, de }
export const languages = Object.keys(catalogues)

const KEPT = 'tachyscope.language'
const kept = localStorage.getItem(KEPT)
const wanted = [...(kept ? [kept] : []), ...navigator.languages].map((tag) => tag.split('-')[0]!.toLowerCase())
export const language = wanted.find((tag) => languages.includes(tag)) ?? 'en'
/** Regional forms of the chosen language, where the browser names one: `en-GB` writes other dates than `en-US`. */
const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language
const catalogue = catalogues[language]!
const plural = new Intl.PluralRules(language)

export function chooseLanguage(tag: string) {
  localStorage.setItem(KEPT, tag)
  location.reload()
}

const fill = (text: string, values: Values) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : typeof value === 'number' ? number(value) : value
  })

export const known = (key: string): key is Key => Object.hasOwn(catalogue, key)

export const t = (key: Key, values: Values = {}) => fill(catalogue[key], values)

export function counted(stem: Counted, n: number, values: Values = {}) {
  const form = `${stem}.${plural.select(n)}`
  return t(known(form) ? form : (`${stem}.other` as Key), { n, ...values })
}

/** Fills the texts of index.html: `data-t` for what is inside, `data-t-aria-label` and the like for attributes. */
export function translate(root: ParentNode = document) {
  document.documentElement.lang = language
  for (const element of root.querySelectorAll<HTMLElement>('[data-t]')) element.textContent = t(element.dataset.t as Key)
  for (const name of ['aria-label', 'alt', 'placeholder', 'title'])
    for (const element of root.querySelectorAll(`[data-t-${name}]`))
      element.setAttribute(name, t(element.getAttribute(`data-t-${name}`) as Key))
}

// ---- numbers ----

const plain = new Intl.NumberFormat(locale)
const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 })
const dollars = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 })
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' })

export const number = (n: number) => plain.format(n)
export const usd = (n: number) => dollars.format(n)
export const percent = (share: number) => new Intl.NumberFormat(locale, { style: 'percent' }).format(share)
export const momentOf = (ms: number) => moment.format(ms)

/** The time alone today, else with the day. */
export const until = (ms: number) =>
  new Date(ms).toDateString() === new Date().toDateString() ? clock.format(ms) : moment.format(ms)

export function size(bytes: number) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000
    unit++
  }
  return `${bytes < 10 && unit > 1 ? tenth.format(bytes) : plain.format(Math.round(bytes))} ${units[unit]}`
}

/** The length of a film. */
export function length(seconds: number) {
  if (seconds < 10) return t('time.s', { s: tenth.format(seconds >= 0.1 ? seconds : Math.ceil(seconds * 10) / 10) })
  const whole = Math.round(seconds)
  if (whole < 60) return t('time.s', { s: whole })
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return t('time.min-s', { min: minutes, s: whole % 60 })
  return t('time.h-min', { h: Math.floor(minutes / 60), min: minutes % 60 })
}

/** `1:05`: a place in a film. */
export const place = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

/** A time that is only an estimate. */
export function about(seconds: number) {
  if (seconds < 3) return t('about.few-seconds')
  if (seconds < 50) return t('about.seconds', { n: Math.ceil(seconds / 5) * 5 })
  if (seconds < 90) return t('about.minute')
  if (seconds < 3000) return t('about.minutes', { n: Math.round(seconds / 60) })
  if (seconds < 5400) return t('about.hour')
  return t('about.hours', { n: Math.round(seconds / 3600) })
}

// ---- the server's messages ----

const began = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** The name that its owner gave a photo: without the place the page put in front. */
export const shownName = (name: string) => name.replace(/^\d{6}-/, '')

/** `image 1 '000000-a.jpg': it is no image` -> `Image 1 “a.jpg”: it is no image.` */
export function sentence(text: string) {
  const clean = text
    .trim()
    .replace(/'(?:\d{6}-)?([^']*)'/g, '“$1”')
    .replace(/\b\d{6}-(?=\S+\.\w+)/g, '')
  return clean === '' ? '' : began(clean) + (/[.!?…]$/.test(clean) ? '' : '.')
}

/** What a message says about an image, without naming it again. */
export const reasonOf = (text: string) => sentence(text.replace(/^image \d+ '[^']*':? /, ''))
