// Signed addresses of a job's uploads: fetched in portions before they are needed, and again when they
// are about to expire or were refused.
import { type Address, signUploads } from './api.ts'
import type { Job } from './types.ts'

const PORTION = 500
const MARGIN_MS = 60_000

export class SignedUrls {
  #job
  #names
  #places
  #known = new Map<string, { url: string; headers: Record<string, string>; until: number }>()
  #asked = new Map<string, Promise<void>>()

  /** @param names in the order of sending @param uploads that are known already */
  constructor(job: Job, names: string[], uploads: Address[]) {
    this.#job = job
    this.#names = names
    this.#places = new Map(names.map((name, place) => [name, place]))
    this.#learn(uploads)
  }

  #learn(uploads: Address[]) {
    for (const { name, url, headers, lifetime } of uploads) {
      // A short life is used to its half, so that a new address is not old at once.
      const until = performance.now() + lifetime - Math.min(MARGIN_MS, lifetime / 2)
      this.#known.set(name, { url, headers, until })
    }
  }

  #good(name: string) {
    const known = this.#known.get(name)
    return known !== undefined && known.until > performance.now()
  }

  #ask(name: string) {
    const from = this.#places.get(name) ?? 0
    const names = this.#names.slice(from, from + PORTION).filter((other) => !this.#good(other) && !this.#asked.has(other))
    const answer = signUploads(this.#job, names)
      .then((uploads) => this.#learn(uploads))
      .finally(() => names.forEach((other) => this.#asked.delete(other)))
    for (const other of names) this.#asked.set(other, answer)
    return answer
  }

  async get(name: string) {
    if (!this.#good(name)) await (this.#asked.get(name) ?? this.#ask(name))
    const known = this.#known.get(name)
    if (!known) throw new Error(`no address for ${name}`)
    return { url: known.url, headers: known.headers }
  }

  /** The store refused this address. */
  drop(name: string) {
    this.#known.delete(name)
  }
}
