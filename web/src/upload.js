// Sends photos straight to the store. Uppy does the transfers; it gets the photos in small batches,
// since its state costs time in proportion to the files it holds. What fails is sent again: at once
// with a new address where the old one was refused, after a while where the network was at fault.
import Uppy from '@uppy/core'
import AwsS3 from '@uppy/aws-s3'
import { Problem } from './api.js'

const AT_ONCE = 6 // connections that browsers open to one host
const BATCH = 48
const BATCHES = 2 // the second keeps the connections busy while the first ends
const MAX_REFUSALS = 4
const MAX_PAUSE_MS = 15_000

/** @typedef {{ name: string, file: File }} Item */

const silent = { debug() {}, warn() {}, error() {} }
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export class Upload extends EventTarget {
  #uppy
  #urls
  /** @type {(Item & { refusals: number, pauses: number })[]} */
  #queue
  /** @type {Map<string, number>} bytes under way, by name */
  #moving = new Map()
  /** @type {Map<string, any>} */
  #errors = new Map()
  #sentBytes = 0
  #stopped = false
  /** @type {Set<string>} names of what is not in the store yet */
  unsent
  sent = 0
  troubled = false

  /** @param {Item[]} items @param {import('./urls.js').SignedUrls} urls */
  constructor(items, urls) {
    super()
    this.#urls = urls
    this.#queue = items.map((item) => ({ ...item, refusals: 0, pauses: 0 }))
    this.unsent = new Set(items.map(({ name }) => name))
    this.count = items.length
    this.bytes = items.reduce((sum, { file }) => sum + file.size, 0)
    this.#uppy = new Uppy({ allowMultipleUploadBatches: true, logger: silent })
    this.#uppy.use(AwsS3, {
      shouldUseMultipart: false,
      limit: AT_ONCE,
      generateObjectKey: (file) => file.name,
      signRequest: ({ key }) => this.#urls.get(key),
    })
    this.#uppy.on('upload-progress', (file, { bytesUploaded }) => {
      if (file && this.unsent.has(file.name)) this.#moving.set(file.name, bytesUploaded)
      this.#tell()
    })
    this.#uppy.on('upload-success', (file) => this.#arrived(file))
    this.#uppy.on('upload-error', (file, error) => file && this.#errors.set(file.name, error))
  }

  get bytesSent() {
    let moving = 0
    for (const bytes of this.#moving.values()) moving += bytes
    return Math.min(this.bytes, this.#sentBytes + moving)
  }

  #tell() {
    this.dispatchEvent(new Event('progress'))
  }

  #arrived(file) {
    if (!file || !this.unsent.delete(file.name)) return
    this.#moving.delete(file.name)
    this.#sentBytes += file.size ?? 0
    this.sent++
    this.troubled = false
    this.#tell()
  }

  /** Resolves when all is sent or `stop` was called; throws what cannot be helped. */
  async run() {
    try {
      await Promise.all(Array.from({ length: BATCHES }, () => this.#feed()))
    } finally {
      this.stop()
    }
  }

  stop() {
    if (this.#stopped) return
    this.#stopped = true
    this.#uppy.destroy()
  }

  async #feed() {
    while (!this.#stopped && this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH)
      await this.#send(batch)
      if (this.#stopped) return
      const failed = batch.filter(({ name }) => this.unsent.has(name))
      if (failed.length > 0) await this.#again(failed)
    }
  }

  async #send(batch) {
    const ids = batch.map(({ name, file }) => this.#uppy.addFile({ name, type: file.type, data: file }))
    await this.#uppy.upload()
    if (!this.#stopped) this.#uppy.removeFiles(ids.filter((id) => this.#uppy.getFile(id)))
  }

  /** Decides what becomes of photos that did not arrive. */
  async #again(failed) {
    let pause = 0
    for (const item of failed) {
      const error = this.#errors.get(item.name)
      this.#errors.delete(item.name)
      this.#moving.delete(item.name)
      if (this.#mayPass(error)) {
        pause = Math.max(pause, Math.min(MAX_PAUSE_MS, 500 * 2 ** item.pauses++))
      } else {
        this.#urls.drop(item.name)
        if (++item.refusals >= MAX_REFUSALS || error instanceof Problem) {
          this.stop()
          throw error instanceof Problem ? error : new Problem(error?.status ?? 0, 'store', this.#reason(item, error))
        }
      }
    }
    this.troubled = pause > 0
    this.#tell()
    if (pause > 0) await sleep(pause)
    this.#queue.unshift(...failed)
  }

  /** Whether the fault may go away by itself. */
  #mayPass(error) {
    if (error instanceof Problem) return error.passing
    const status = error?.status ?? 0
    return status === 0 || status === 429 || status >= 500
  }

  #reason({ file }, error) {
    const code = error?.serviceCode ?? error?.status
    return `the store did not take '${file.name}'${code ? ` (${code})` : ''}`
  }
}
