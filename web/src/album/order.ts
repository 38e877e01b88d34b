// Orders of photos, and the names under which they are sent.
import type { Photo } from './album.ts'

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

const byName = (a: Photo, b: Photo) => natural.compare(a.path, b.path) || (a.path < b.path ? -1 : +(a.path > b.path)) || a.id - b.id

/** When it was taken; the file's own time where no camera says. */
export const timeOf = (photo: Photo) => photo.taken ?? photo.modified

export const orders: Record<'name' | 'taken', (a: Photo, b: Photo) => number> = {
  name: byName,
  taken: (a, b) => timeOf(a) - timeOf(b) || byName(a, b),
}
export type Order = keyof typeof orders

const MAX_NAME_BYTES = 255
const encoder = new TextEncoder()

/** The longest beginning of `text` that has at most `bytes` bytes of UTF-8. */
function cut(text: string, bytes: number) {
  let kept = ''
  for (const character of text) {
    bytes -= encoder.encode(character).length
    if (bytes < 0) break
    kept += character
  }
  return kept
}

/** `000123-IMG_4711.jpg`: place first, so that names differ and sort; fit for the API. */
export function uploadName(place: number, name: string) {
  const clean = name.replace(/[\uD800-\uDFFF]/gu, '\uFFFD')
  const safe = clean.replace(/[/\p{Cc}]/gu, '_')
  const [ending] = /\.[^.]{1,10}$/.exec(safe) ?? ['']
  const prefix = `${String(place).padStart(6, '0')}-`
  const room = MAX_NAME_BYTES - encoder.encode(prefix + ending).length
  return prefix + cut(safe.slice(0, safe.length - ending.length), room) + ending
}
