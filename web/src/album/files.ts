// Every way by which files come in: pickers, drag and drop of files and folders, paste.
import { byId, input, show } from '../dom.ts'

export interface Found {
  path: string
  file: File
}

// Browsers know no type for some of these; the server decides what it can read.
const pictures = /\.(jpe?g|png|webp|tiff?|heic|heif|avif|bmp|gif|jxl|dng|cr[23w]|nef|arw|raf|orf|rw2|pef|srw)$/i

const isPhoto = ({ file }: Found) =>
  !file.name.startsWith('.') && file.size > 0 && (file.type.startsWith('image/') || pictures.test(file.name))

async function readEntry(entry: FileSystemEntry): Promise<Found[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    return [{ path: entry.fullPath.replace(/^\//, ''), file }]
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: Found[] = []
  // A folder comes in portions; an empty one is the last.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (entries.length === 0) return found
    for (const inner of entries) found.push(...(await readEntry(inner)))
  }
}

const fromList = (files: Iterable<File>): Found[] => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }))

async function fromTransfer(transfer: DataTransfer) {
  // The items are only there during the event: all entries are taken before anything is awaited.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? [])
  if (entries.length === 0) return fromList(transfer.files)
  return (await Promise.all(entries.map(readEntry))).flat()
}

export interface Sifted {
  photos: Found[]
  /** How many are none. */
  left: number
}

export function sift(found: Found[]): Sifted {
  const photos = found.filter(isPhoto)
  return { photos, left: found.length - photos.length }
}

/** Opens a picker by its input's id, and gives what was chosen to `take`. */
export function connectPicker(id: string, take: (found: Sifted) => void) {
  const picker = input(id)
  picker.addEventListener('change', () => {
    const found = sift(fromList(picker.files ?? []))
    picker.value = '' // the same choice again is a change again
    take(found)
  })
  return () => picker.click()
}

/** @param open whether photos can be added now */
export function connectDrop(open: () => boolean, take: (found: Sifted) => void) {
  let depth = 0
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
  const cover = (visible: boolean) => show('drop', visible)
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
    event.dataTransfer!.dropEffect = open() ? 'copy' : 'none'
  })
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    depth = 0
    cover(false)
    if (open()) take(sift(await fromTransfer(event.dataTransfer!)))
  })
  addEventListener('paste', (event) => {
    const files = event.clipboardData?.files ?? []
    if (files.length === 0 || !open()) return
    event.preventDefault()
    take(sift(fromList(files)))
  })
  byId('drop').hidden = true
}
