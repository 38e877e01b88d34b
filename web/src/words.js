// How numbers, sizes and times are said, and how the server's messages become sentences.

const plain = new Intl.NumberFormat('en')
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** @param {number} n @param {string} single @param {string} many */
export const count = (n, single, many = `${single}s`) => `${plain.format(n)} ${n === 1 ? single : many}`

/** @param {number} n */
export const number = (n) => plain.format(n)

/** @param {number} bytes */
export function size(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000
    unit++
  }
  return `${bytes < 10 && unit > 1 ? one.format(bytes) : plain.format(Math.round(bytes))} ${units[unit]}`
}

/** The length of a film. @param {number} seconds */
export function length(seconds) {
  if (seconds < 10) return `${one.format(seconds >= 0.1 ? seconds : Math.ceil(seconds * 10) / 10)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${plain.format(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

/** A time that is only an estimate. @param {number} seconds */
export function about(seconds) {
  if (seconds < 3) return 'a few seconds'
  if (seconds < 50) return `about ${Math.ceil(seconds / 5) * 5} seconds`
  if (seconds < 90) return 'about a minute'
  if (seconds < 3000) return `about ${Math.round(seconds / 60)} minutes`
  if (seconds < 5400) return 'about an hour'
  return `about ${Math.round(seconds / 3600)} hours`
}

/** With a capital. @param {string} text */
export const began = (text) => text.charAt(0).toUpperCase() + text.slice(1)

/** The name that its owner gave a photo: without the place the page put in front.
 * @param {string} name */
export const shown = (name) => name.replace(/^\d{6}-/, '')

/** What a message says about an image, without naming it again. @param {string} text */
export const reason = (text) => sentence(text.replace(/^image \d+ '[^']*':? /, ''))

/** `image 1 '000000-a.jpg': it is no image` -> `Image 1 “a.jpg”: it is no image.` @param {string} text */
export function sentence(text) {
  const clean = text
    .trim()
    .replace(/'(?:\d{6}-)?([^']*)'/g, '“$1”')
    .replace(/\b\d{6}-(?=\S+\.\w+)/g, '')
  return clean === '' ? '' : began(clean) + (/[.!?…]$/.test(clean) ? '' : '.')
}
