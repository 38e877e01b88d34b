// Every way by which files come in: pickers, drag and drop of files and folders, paste.
import { byId, show } from './dom.js'

/** @typedef {{ path: string, file: File }} Found */

// Browsers know no type for some of these; the server decides what it can read.
const endings = /\.(jpe?g|png|webp|tiff?|heic|heif|avif|bmp|gif|jxl|dng|cr[23w]|nef|arw|raf|orf|rw2|pef|srw)$/i

const isPhoto = ({ file }) =>
  !file.name.startsWith('.') && file.size > 0 && (file.type.startsWith('image/') || endings.test(file.name))

/** @param {FileSystemEntry} entry @returns {Promise<Found[]>} */
async function readEntry(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
    return [{ path: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = entry.createReader()
  const found = []
  // A folder comes in portions; an empty one is the last.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (entries.length === 0) return found
    for (const inner of entries) found.push(...(await readEntry(inner)))
  }
}

/** @param {Iterable<File>} files @returns {Found[]} */
const fromList = (files) => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }))

/** @param {DataTransfer} transfer */
async function fromTransfer(transfer) {
  // The items are only there during the event: all entries are taken before anything is awaited.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
  if (entries.length === 0) return fromList(transfer.files)
  return (await Promise.all(entries.map(readEntry))).flat()
}

/** @param {Found[]} found */
const sift = (found) => {
  const photos = found.filter(isPhoto)
  return { photos, left: found.length - photos.length }
}

/** Opens a picker by its input's id, and gives what was chosen to `take`.
 * @param {string} id @param {(photos: Found[], left: number) => void} take */
export function connectPicker(id, take) {
  const input = byId(id)
  input.addEventListener('change', () => {
    const { photos, left } = sift(fromList(input.files))
    input.value = '' // the same choice again is a change again
    take(photos, left)
  })
  return () => input.click()
}

/** @param {() => boolean} open whether photos can be added now
 * @param {(photos: Found[], left: number) => void} take */
export function connectDrop(open, take) {
  let depth = 0
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files')
  const cover = (visible) => show('drop', visible)
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return
    depth++
    cover(open())
  })
  addEventListener('dragleave', (event) => {
    if (!hasFiles(event)) return
    depth = Math.max(0, depth - 1)
    if (depth === 0) cover(false)
  })
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    event.dataTransfer.dropEffect = open() ? 'copy' : 'none'
  })
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    depth = 0
    cover(false)
    if (!open()) return
    const { photos, left } = sift(await fromTransfer(event.dataTransfer))
    take(photos, left)
  })
  addEventListener('paste', (event) => {
    const files = event.clipboardData?.files ?? []
    if (files.length === 0 || !open()) return
    event.preventDefault()
    const { photos, left } = sift(fromList(files))
    take(photos, left)
  })
}
