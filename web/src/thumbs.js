// Thumbnails, made a few at a time in the order in which they were last asked for, so that scrolling
// through thousands of photos makes those first that are seen. They are kept as small JPEGs: decoded
// pictures of thousands of photos would not fit into a phone.

const WIDTH = 320
const MAX_KEPT = 2000
const AT_ONCE = Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1))

/** @type {Map<number, string>} photo's id -> address; the oldest first */
const kept = new Map()
/** @type {Map<number, { photo: import('./photos.js').Photo, waiting: ((url: string) => void)[] }>} */
const wanted = new Map()
/** @type {Set<number>} */
const unreadable = new Set()
let running = 0

/** @param {File} file @param {number} width */
async function shrink(file, width) {
  const bitmap = await createImageBitmap(file, { resizeWidth: width, resizeQuality: 'medium' })
  try {
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    canvas.getContext('2d').drawImage(bitmap, 0, 0)
    return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.75 })
  } finally {
    bitmap.close()
  }
}

function keep(id, url) {
  kept.set(id, url)
  if (kept.size <= MAX_KEPT) return
  const [oldest, address] = kept.entries().next().value
  kept.delete(oldest)
  URL.revokeObjectURL(address)
}

async function work() {
  if (running >= AT_ONCE || wanted.size === 0) return
  running++
  const [id, { photo, waiting }] = [...wanted].at(-1)
  wanted.delete(id)
  let url = ''
  try {
    url = URL.createObjectURL(await shrink(photo.file, WIDTH))
    keep(id, url)
  } catch {
    unreadable.add(id) // a kind that this browser cannot show
  }
  for (const resolve of waiting) resolve(url)
  running--
  work()
}

/** The address of a photo's thumbnail; empty when this browser cannot show the photo.
 * @param {import('./photos.js').Photo} photo @returns {Promise<string>} */
export async function thumbnail(photo) {
  const known = kept.get(photo.id)
  if (known !== undefined) {
    kept.delete(photo.id)
    kept.set(photo.id, known)
    return known
  }
  if (unreadable.has(photo.id)) return ''
  return new Promise((resolve) => {
    const entry = wanted.get(photo.id) ?? { photo, waiting: [] }
    entry.waiting.push(resolve)
    wanted.delete(photo.id)
    wanted.set(photo.id, entry)
    work()
  })
}

/** A photo that went out of sight is not needed any more. @param {import('./photos.js').Photo} photo */
export function forget(photo) {
  const entry = wanted.get(photo.id)
  wanted.delete(photo.id)
  for (const resolve of entry?.waiting ?? []) resolve('')
}
