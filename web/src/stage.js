// The photo that is being rendered right now, large, while the film is made. After a reload the photos
// are not at hand: then the wheel turns alone.
import { byId, show } from './dom.js'

const WIDTH = 640
const HEIGHT = 360

export class Stage {
  #photos
  #canvas = byId('stage-photo')
  #wanted = -1
  #busy = false
  #closed = false

  /** @param {import('./photos.js').Photo[]} photos */
  constructor(photos) {
    this.#photos = photos
    show('stage-photo', false)
  }

  /** @param {number} share of the film that is done */
  show(share) {
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
      await this.#put(this.#photos[drawn].file).catch(() => {}) // a kind that this browser cannot show
    }
    this.#busy = false
  }

  async #put(file) {
    const bitmap = await createImageBitmap(file, { resizeWidth: WIDTH, resizeQuality: 'medium' })
    const scale = Math.max(WIDTH / bitmap.width, HEIGHT / bitmap.height)
    const width = bitmap.width * scale
    const height = bitmap.height * scale
    const context = this.#canvas.getContext('2d')
    context.drawImage(bitmap, (WIDTH - width) / 2, (HEIGHT - height) / 2, width, height)
    bitmap.close()
    if (!this.#closed) show('stage-photo', true)
  }
}
