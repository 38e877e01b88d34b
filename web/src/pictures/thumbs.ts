// Thumbnails, kept as small JPEGs: decoded pictures of thousands of photos would not fit into a phone.
import type { Photo } from '../album/album.ts'
import { small } from './pool.ts'

const WIDTH = 320
const MAX_KEPT = 3000

/** By photo's id; the oldest first; '' where this browser cannot show it. */
const kept = new Map<number, string>()
const wanted = new Map<number, { promise: Promise<string>; forget: () => boolean }>()

function keep(id: number, url: string) {
  kept.set(id, url)
  if (kept.size <= MAX_KEPT) return
  const [oldest, address] = kept.entries().next().value!
  kept.delete(oldest)
  URL.revokeObjectURL(address)
}

/** The address of a photo's thumbnail, if there is one already. */
export const thumbnailNow = (photo: Photo) => kept.get(photo.id)

/** The address of a photo's thumbnail; '' when this browser cannot show the photo. */
export function thumbnail(photo: Photo): Promise<string> {
  const known = kept.get(photo.id)
  if (known !== undefined) return Promise.resolve(known)
  const asked = wanted.get(photo.id)
  if (asked) return asked.promise
  const { promise, forget } = small(photo.file, photo.name, WIDTH)
  const url = promise.then(({ picture }) => {
    wanted.delete(photo.id)
    const address = picture instanceof Blob ? URL.createObjectURL(picture) : ''
    keep(photo.id, address)
    return address
  })
  wanted.set(photo.id, { promise: url, forget })
  return url
}

/** A photo that went out of sight is not needed any more. */
export function forget(photo: Photo) {
  if (wanted.get(photo.id)?.forget()) wanted.delete(photo.id)
}
