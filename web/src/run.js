// One job from its first photo to its end: sends, follows, and keeps the view of it true.
import { cancelJob } from './api.js'
import { show, say } from './dom.js'
import { follow } from './follow.js'
import { matchUnsent, readUnsent, writeUnsent } from './unsent.js'
import { Upload } from './upload.js'
import { SignedUrls } from './urls.js'
import { Working } from './working.js'
import { count } from './words.js'

const REMEMBER_MS = 1000

export class Run {
  #view
  #aborter = new AbortController()
  /** @type {Upload | null} */
  #upload = null
  /** @type {Map<string, { original: string, size: number }>} */
  #originals = new Map()
  #remembered = 0

  /**
   * @param {import('./api.js').Job} job
   * @param {Map<string, import('./photos.js').Photo>} photos by their names in the job; empty after a reload
   * @param {{ onEnd: (status: any) => void, onProblem: (problem: Error) => void }} handlers
   */
  constructor(job, photos, { onEnd, onProblem }) {
    this.job = job
    this.photos = photos
    this.onEnd = onEnd
    this.onProblem = onProblem
    this.#view = new Working(null, [...photos.values()])
    show('unsent', false)
  }

  get unfinished() {
    return this.#upload !== null && this.#upload.unsent.size > 0
  }

  /** Sends photos, all or those that are not there yet. @param {import('./upload.js').Item[]} items
   * @param {any[]} uploads signed addresses that are known already */
  send(items, uploads = []) {
    for (const { name, file } of items) this.#originals.set(name, { original: file.name, size: file.size })
    const urls = new SignedUrls(this.job, items.map(({ name }) => name), uploads)
    const upload = new Upload(items, urls)
    this.#upload = upload
    this.#view.follow(upload)
    this.#remember(true)
    upload.addEventListener('progress', () => this.#remember(upload.unsent.size === 0))
    upload.run().catch((problem) => {
      // The job has ended: its status says why.
      if (problem.status === 409 || this.#aborter.signal.aborted) return
      this.#remember(true)
      this.stop()
      this.onProblem(problem)
    })
  }

  #remember(now) {
    if (!this.#upload || (!now && performance.now() - this.#remembered < REMEMBER_MS)) return
    this.#remembered = performance.now()
    writeUnsent(this.job, [...this.#upload.unsent].map((name) => ({ name, ...this.#originals.get(name) })))
  }

  /** What a reload interrupted: told to the user, who may choose those photos again. */
  #tellUnsent(status) {
    const { expected, arrived } = status.images
    const missing = this.#upload === null && expected > arrived ? expected - arrived : 0
    const open = missing > 0 && ['waiting', 'rendering'].includes(status.state)
    show('unsent', open)
    if (!open) return
    const known = readUnsent(this.job).length > 0
    say('unsent-text', `${count(missing, 'photo was', 'photos were')} not sent before this page was left.`)
    show('choose-unsent', known)
  }

  /** Sends what is missing out of these files; gives how many that are. @param {File[]} files */
  resume(files) {
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
        onTrouble: (text) => this.#view.trouble('status', text),
        onStatus: (status) => {
          this.#view.update(status)
          this.#tellUnsent(status)
        },
      })
      this.stop()
      writeUnsent(this.job, [])
      this.onEnd(status)
    } catch (problem) {
      if (signal.aborted) return
      this.stop()
      this.onProblem(problem)
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
