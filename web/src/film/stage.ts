// The photo that is being rendered right now, large, while the film is made. After a reload the photos
// are not at hand: then the wheel turns alone.
import type { Photo } from '../album/album.ts'
import { byId, show } from '../dom.ts'
import { bitmapOf } from '../pictures/pool.ts'

const WIDTH = 640
const HEIGHT = 360

export class Stage {
  #photos
  #canvas = byId<HTMLCanvasElement>('stage-photo')
  #wanted = -1
  #busy = false
  #closed = false

  constructor(photos: readonly Photo[]) {
    this.#photos = photos
    show('stage-photo', false)
  }

  /** @param share of the film that is done */
  show(share: number) {
    if (this.#photos.length === 0) return
    this.#wanted = Math.min(this.#photos.length - 1, Math.floor(share * this.#photos.length))
    this.#draw()
  }

  close() {
    this.#closed = true
  }

  /** One at a time: what was asked for meanwhile comes next. */
  async #draw() {
    if (this.#busy) return
    this.#busy = true
    let drawn = -1
    while (drawn !== this.#wanted && !this.#closed) {
      drawn = this.#wanted
      await this.#put(this.#photos[drawn]!)
    }
    this.#busy = false
  }

  async #put({ file, name, rotate }: Photo) {
    const bitmap = await bitmapOf(file, name, WIDTH)
    if (!bitmap) return // a kind that this browser cannot show
    const [width, height] = rotate % 180 === 0 ? [bitmap.width, bitmap.height] : [bitmap.height, bitmap.width]
    const scale = Math.max(WIDTH / width, HEIGHT / height)
    const context = this.#canvas.getContext('2d')!
    context.setTransform(scale, 0, 0, scale, WIDTH / 2, HEIGHT / 2)
    context.rotate((rotate * Math.PI) / 180)
    context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2)
    bitmap.close()
    if (!this.#closed) show('stage-photo', true)
  }
}
