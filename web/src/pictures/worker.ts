// Runs in a worker: makes small pictures of photos and reads when they were taken, away from the
// thread that draws the page. What the browser cannot decode and calls itself HEIC is decoded by
// WebAssembly, which is loaded when the first such photo comes.
import { parse } from 'exifr/dist/lite.esm.mjs'

export interface Order {
  task: number
  file: Blob
  name: string
  /** Pixels; 0: only when it was taken. */
  width: number
  /** 'jpeg' takes little room, 'bitmap' can be drawn at once. */
  as: 'jpeg' | 'bitmap'
}

export interface Answer {
  task: number
  picture: Blob | ImageBitmap | null
  taken: number | null
}

const port = self as unknown as { postMessage(answer: Answer, transfer?: Transferable[]): void; onmessage: ((event: MessageEvent<Order>) => void) | null }
const QUALITY = 0.75

async function decode(file: Blob, name: string, width: number): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { resizeWidth: width, resizeQuality: 'medium', imageOrientation: 'from-image' })
  } catch (error) {
    if (!/\.(heic|heif|hif)$/i.test(name) && !/hei[cf]/.test(file.type)) throw error
    const { decodeHeic } = await import('./heic.ts')
    return createImageBitmap(await decodeHeic(await file.arrayBuffer()), { resizeWidth: width, resizeQuality: 'medium' })
  }
}

/** Milliseconds by the camera's clock; null where it is not said. */
async function takenAt(file: Blob): Promise<number | null> {
  try {
    const facts = await parse(file, { exif: ['DateTimeOriginal', 'CreateDate'], reviveValues: false })
    const text: unknown = facts?.DateTimeOriginal ?? facts?.CreateDate
    const parts = /^(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)/.exec(typeof text === 'string' ? text : '')
    if (!parts) return null
    const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [number, number, number, number, number, number]
    return Date.UTC(year, month - 1, day, hour, minute, second)
  } catch {
    return null // a kind of file without EXIF
  }
}

async function pictureOf({ file, name, width, as }: Order) {
  const bitmap = await decode(file, name, width)
  if (as === 'bitmap') return bitmap
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  canvas.getContext('2d')!.drawImage(bitmap, 0, 0)
  bitmap.close()
  return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY })
}

port.onmessage = async ({ data: order }) => {
  const { task, file, width } = order
  const picture = width > 0 ? await pictureOf(order).catch(() => null) : null
  const taken = width > 0 ? null : await takenAt(file)
  port.postMessage({ task, picture, taken }, picture instanceof ImageBitmap ? [picture] : [])
}
