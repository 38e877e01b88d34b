// Signed addresses of a job's uploads: fetched in portions before they are needed, and again when they
// are about to expire or were refused.
import { signUploads } from './api.js'

const PORTION = 500
const MARGIN_MS = 60_000

export class SignedUrls {
  #job
  #names
  #places
  /** @type {Map<string, { url: string, headers: Record<string, string>, until: number }>} */
  #known = new Map()
  /** @type {Map<string, Promise<void>>} */
  #asked = new Map()

  /** @param {import('./api.js').Job} job @param {string[]} names in the order of sending
   * @param {(import('./api.js').SignedUpload & { lifetime: number })[]} uploads that are known already */
  constructor(job, names, uploads) {
    this.#job = job
    this.#names = names
    this.#places = new Map(names.map((name, place) => [name, place]))
    this.#learn(uploads)
  }

  #learn(uploads) {
    for (const { name, url, headers, lifetime } of uploads) {
      // A short life is used to its half, so that a new address is not old at once.
      const until = performance.now() + lifetime - Math.min(MARGIN_MS, lifetime / 2)
      this.#known.set(name, { url, headers, until })
    }
  }

  #good(name) {
    const known = this.#known.get(name)
    return known !== undefined && known.until > performance.now()
  }

  #ask(name) {
    const from = this.#places.get(name)
    const names = this.#names
      .slice(from, from + PORTION)
      .filter((other) => !this.#good(other) && !this.#asked.has(other))
    const answer = signUploads(this.#job, names)
      .then((uploads) => this.#learn(uploads))
      .finally(() => names.forEach((other) => this.#asked.delete(other)))
    for (const other of names) this.#asked.set(other, answer)
    return answer
  }

  /** @param {string} name */
  async get(name) {
    if (!this.#good(name)) await (this.#asked.get(name) ?? this.#ask(name))
    const { url, headers } = this.#known.get(name)
    return { url, headers }
  }

  /** The store refused this address. @param {string} name */
  drop(name) {
    this.#known.delete(name)
  }
}
