// Orders of photos, and the names under which they are sent.

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

const byName = (a, b) => natural.compare(a.path, b.path) || (a.path < b.path ? -1 : +(a.path > b.path))

/** @type {Record<string, (a: import('./photos.js').Photo, b: import('./photos.js').Photo) => number>} */
export const orders = {
  name: (a, b) => byName(a, b) || a.id - b.id,
  date: (a, b) => a.file.lastModified - b.file.lastModified || byName(a, b) || a.id - b.id,
  // The server knows the cameras' times; until then the files' are as near as a page comes.
  captured: (a, b) => orders.date(a, b),
  chosen: (a, b) => a.id - b.id,
}

const MAX_NAME_BYTES = 255
const encoder = new TextEncoder()

/** The longest beginning of `text` that has at most `bytes` bytes of UTF-8. */
function cut(text, bytes) {
  let kept = ''
  for (const character of text) {
    bytes -= encoder.encode(character).length
    if (bytes < 0) break
    kept += character
  }
  return kept
}

/** `000123-IMG_4711.jpg`: place first, so that names differ and sort; fit for the API.
 * @param {number} place @param {string} name */
export function uploadName(place, name) {
  const clean = name.toWellFormed?.() ?? name.replace(/[\uD800-\uDFFF]/gu, '\uFFFD')
  const safe = clean.replace(/[/\p{Cc}]/gu, '_')
  const [ending] = /\.[^.]{1,10}$/.exec(safe) ?? ['']
  const prefix = `${String(place).padStart(6, '0')}-`
  const room = MAX_NAME_BYTES - encoder.encode(prefix + ending).length
  return prefix + cut(safe.slice(0, safe.length - ending.length), room) + ending
}
