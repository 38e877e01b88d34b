// The chosen photos in their order. Tells its listeners of every change.
import { orders } from './order.js'

/** @typedef {{ id: number, path: string, name: string, file: File, refused: string }} Photo */

export class Photos extends EventTarget {
  #next = 0
  #order = 'name'
  /** @type {Photo[]} */
  list = []

  get bytes() {
    return this.list.reduce((sum, photo) => sum + photo.file.size, 0)
  }

  #changed() {
    this.dispatchEvent(new Event('change'))
  }

  /** Adds what is not there yet; gives how many that was. @param {{ path: string, file: File }[]} files */
  add(files) {
    const identity = (path, file) => `${file.size} ${file.lastModified} ${path}`
    const known = new Set(this.list.map(({ path, file }) => identity(path, file)))
    const before = this.list.length
    for (const { path, file } of files) {
      if (known.has(identity(path, file))) continue
      known.add(identity(path, file))
      this.list.push({ id: this.#next++, path, name: file.name, file, refused: '' })
    }
    this.list.sort(orders[this.#order])
    this.#changed()
    return this.list.length - before
  }

  /** @param {Photo[]} photos that were removed */
  putBack(photos) {
    this.list = [...this.list, ...photos].sort(orders[this.#order])
    this.#changed()
  }

  /** @param {Photo[]} photos */
  remove(photos) {
    const gone = new Set(photos)
    this.list = this.list.filter((photo) => !gone.has(photo))
    this.#changed()
  }

  /** @param {string} order one of `orders` */
  sort(order) {
    this.#order = order
    this.list = [...this.list].sort(orders[order])
    this.#changed()
  }

  /** Marks a photo with the server's reason for refusing it. @param {Photo} photo @param {string} reason */
  refuse(photo, reason) {
    photo.refused = reason
    this.#changed()
  }
}
