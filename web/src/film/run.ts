// One job from its first photo to its end: sends, follows, and keeps the view of it true.
import type { Photo } from '../album/album.ts'
import { say, show } from '../dom.ts'
import { type Address, cancelJob, Problem } from '../net/api.ts'
import { follow } from '../net/live.ts'
import { ended, type Job, type Status } from '../net/types.ts'
import { type Item, retrieve, Upload } from '../net/upload.ts'
import { SignedUrls } from '../net/urls.ts'
import { counted } from '../words/words.ts'
import { Making } from './making.ts'
import { matchUnsent, readUnsent, writeUnsent } from './memory.ts'

const REMEMBER_MS = 1000

interface Handlers {
  onEnd: (status: Status) => void
  onProblem: (problem: Error) => void
}

export class Run {
  readonly job: Job
  /** By their names in the job; empty after a reload. */
  readonly photos: ReadonlyMap<string, Photo>
  #handlers
  #view
  #aborter = new AbortController()
  #upload: Upload | null = null
  #originals = new Map<string, { original: string; size: number }>()
  #remembered = 0
  #retrieving = false

  constructor(job: Job, photos: ReadonlyMap<string, Photo>, handlers: Handlers) {
    this.job = job
    this.photos = photos
    this.#handlers = handlers
    this.#view = new Making([...photos.values()])
    show('unsent', false)
    addEventListener('pagehide', () => this.#remember(true), { signal: this.#aborter.signal })
  }

  get unfinished() {
    return this.#upload !== null && this.#upload.unsent.size > 0
  }

  /** Sends photos, all or those that are not there yet. @param uploads addresses that are known already */
  send(items: Item[], uploads: Address[] = [], uppy?: Awaited<ReturnType<typeof retrieve>>['uppy']) {
    for (const { name, file } of items) this.#originals.set(name, { original: file instanceof File ? file.name : name, size: file.size })
    const urls = new SignedUrls(this.job, items.map(({ name }) => name), uploads)
    const upload = new Upload(this.job, items, urls, uppy)
    this.#upload = upload
    this.#view.follow(upload)
    this.#remember(true)
    upload.addEventListener('progress', () => this.#remember(upload.unsent.size === 0))
    upload.run().catch((problem) => {
      // The job has ended: its status says why.
      if (problem.status === 409 || this.#aborter.signal.aborted) return
      this.#remember(true)
      this.stop()
      this.#handlers.onProblem(problem)
    })
  }

  #remember(now: boolean) {
    if (!this.#upload || (!now && performance.now() - this.#remembered < REMEMBER_MS)) return
    this.#remembered = performance.now()
    writeUnsent(this.job, [...this.#upload.unsent].map((name) => ({ name, ...this.#originals.get(name)! })))
  }

  /** What a reload interrupted goes on with what the browser kept; the rest may be chosen again. */
  async #resumeUnsent(status: Status) {
    const { expected, arrived } = status.images
    const missing = (expected ?? 0) - arrived
    if (this.#upload || this.#retrieving || missing <= 0 || ended(status.state)) return
    const unsent = readUnsent(this.job)
    if (unsent.length === 0) return this.#tellUnsent(missing, false)
    this.#retrieving = true
    const { uppy, items } = await retrieve(this.job)
    if (this.#aborter.signal.aborted) return uppy.destroy()
    const names = new Set(unsent.map(({ name }) => name))
    const kept = items.filter(({ name }) => names.has(name))
    if (kept.length > 0) this.send(kept, [], uppy)
    else uppy.destroy()
    if (kept.length < unsent.length) {
      const there = new Set(kept.map(({ name }) => name))
      const rest = unsent.filter(({ name }) => !there.has(name))
      writeUnsent(this.job, rest)
      this.#tellUnsent(Math.min(rest.length, missing - kept.length), true)
    }
  }

  #tellUnsent(missing: number, known: boolean) {
    say('unsent-text', counted('unsent', missing))
    show('choose-unsent', known)
    show('unsent', true)
  }

  /** Sends what is missing out of these files; gives how many that are. */
  resume(files: File[]) {
    const items = matchUnsent(readUnsent(this.job), files)
    if (items.length === 0) return 0
    show('unsent', false)
    this.send(items)
    return items.length
  }

  async follow() {
    const { signal } = this.#aborter
    try {
      const status = await follow(this.job, {
        signal,
        onTrouble: (text) => this.#view.trouble(text),
        onStatus: (status) => {
          this.#view.update(status)
          void this.#resumeUnsent(status)
        },
      })
      this.stop()
      writeUnsent(this.job, [])
      this.#handlers.onEnd(status)
    } catch (problem) {
      if (signal.aborted) return
      this.stop()
      this.#handlers.onProblem(problem instanceof Problem ? problem : (problem as Error))
    }
  }

  stop() {
    this.#aborter.abort()
    this.#upload?.stop()
    this.#view.close()
  }

  async cancel() {
    this.#upload?.stop()
    return cancelJob(this.job)
  }
}
