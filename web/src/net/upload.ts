// Sends photos straight to the store. Uppy does the transfers, and its golden retriever keeps what is
// under way in the browser's own store, so that a reload goes on by itself. Photos are handed over in
// batches: Uppy's state costs time in proportion to the files it holds. What fails is sent again: at
// once with a new address where the old one was refused, after a while where the network was at fault.
import AwsS3 from '@uppy/aws-s3'
import Uppy, { type UppyFile } from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import { t } from '../words/words.ts'
import { Problem } from './api.ts'
import type { Job } from './types.ts'
import type { SignedUrls } from './urls.ts'

const AT_ONCE = 6 // connections that browsers open to one host
const BATCH = 400
const MAX_REFUSALS = 4
const MAX_PAUSE_MS = 15_000
/** What the browser keeps for a reload; what is over it has to be chosen again. */
const KEPT_FILE_BYTES = 256 * 1024 * 1024
const KEPT_BYTES = 1024 * 1024 * 1024
const RETRIEVE_MS = 2000

export interface Item {
  name: string
  file: Blob
}

type Meta = Record<string, unknown>
type Body = Record<string, unknown>
type Entry = UppyFile<Meta, Body>
interface Fault {
  status?: number
  serviceCode?: string
}

const silent = { debug() {}, warn() {}, error() {} }

/** Its types do not know these options of its store, its documentation does. */
const keptAtMost = { maxFileSize: KEPT_FILE_BYTES, maxTotalSize: KEPT_BYTES } as object

/** An Uppy for one job; with what a reload interrupted, if there is something. */
function uppyOf(job: Job) {
  return new Uppy<Meta, Body>({ id: `job-${job.id}`, allowMultipleUploadBatches: true, logger: silent }).use(
    GoldenRetriever,
    { indexedDB: keptAtMost },
  )
}

type Transfers = ReturnType<typeof uppyOf>

/** What the browser kept of a job's photos that were not sent, and the Uppy that goes on with them. */
export async function retrieve(job: Job): Promise<{ uppy: Transfers; items: Item[] }> {
  const uppy = uppyOf(job)
  const restored = await new Promise<boolean>((resolve) => {
    uppy.once('restored', () => resolve(true))
    setTimeout(() => resolve(false), RETRIEVE_MS) // nothing is said where nothing was kept
  })
  const files = restored ? uppy.getFiles() : []
  const items = files.flatMap(({ name, data, progress }) =>
    data instanceof Blob && !progress.uploadComplete ? [{ name: name ?? '', file: data }] : [],
  )
  uppy.cancelAll() // they are handed over anew, in their order
  return { uppy, items }
}

export class Upload extends EventTarget {
  #uppy
  #urls
  #queue: Item[]
  #moving = new Map<string, number>()
  #refusals = new Map<string, number>()
  #failed = new Set<string>()
  #pauses = 0
  #timer = 0
  #sentBytes = 0
  #stopped = false
  #end: { resolve: () => void; reject: (problem: Problem) => void } = { resolve() {}, reject() {} }
  /** Names of what is not in the store yet. */
  readonly unsent: Set<string>
  readonly count: number
  readonly bytes: number
  sent = 0
  /** The network is gone, and is waited for. */
  troubled = false
  /** The user said so. */
  paused = false

  constructor(job: Job, items: Item[], urls: SignedUrls, uppy: Transfers = uppyOf(job)) {
    super()
    this.#urls = urls
    this.#queue = [...items]
    this.unsent = new Set(items.map(({ name }) => name))
    this.count = items.length
    this.bytes = items.reduce((sum, { file }) => sum + file.size, 0)
    this.#uppy = uppy.use(AwsS3, {
      shouldUseMultipart: false,
      limit: AT_ONCE,
      generateObjectKey: (file: Entry) => file.name ?? '',
      signRequest: ({ key }: { key: string }) => this.#urls.get(key),
    })
    this.#uppy.on('upload-progress', (file, { bytesUploaded }) => {
      if (file?.name && this.unsent.has(file.name)) this.#moving.set(file.name, bytesUploaded)
      this.#tell()
    })
    this.#uppy.on('upload-success', (file) => this.#arrived(file))
    this.#uppy.on('upload-error', (file, error) => file && this.#lost(file, error as Fault))
    addEventListener('online', this.#goOn)
  }

  get bytesSent() {
    let moving = 0
    for (const bytes of this.#moving.values()) moving += bytes
    return Math.min(this.bytes, this.#sentBytes + moving)
  }

  #tell() {
    this.dispatchEvent(new Event('progress'))
  }

  /** Resolves when all is sent or `stop` was called; rejects with what cannot be helped. */
  async run() {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#end = { resolve, reject }
        this.#feed()
      })
    } finally {
      this.stop()
    }
  }

  stop() {
    if (this.#stopped) return
    this.#stopped = true
    clearTimeout(this.#timer)
    removeEventListener('online', this.#goOn)
    this.#uppy.destroy()
    this.#end.resolve()
  }

  pause(paused: boolean) {
    this.paused = paused
    this.#moving.clear()
    if (paused) this.#uppy.pauseAll()
    else this.#goOn()
    this.#tell()
  }

  /** Hands over the next batch when the one before is nearly through. */
  #feed() {
    if (this.#queue.length === 0 || this.#stopped) return
    const done = this.#uppy.getFiles().filter(({ progress }) => progress.uploadComplete)
    this.#uppy.removeFiles(done.map(({ id }) => id))
    for (const { name, file } of this.#queue.splice(0, BATCH)) this.#uppy.addFile({ name, type: file.type, data: file })
    this.#uppy.upload().catch(() => {}) // each failure was told by its own event
  }

  #arrived(file: Entry | undefined) {
    if (!file?.name || !this.unsent.delete(file.name)) return
    this.#moving.delete(file.name)
    this.#sentBytes += file.size ?? 0
    this.sent++
    this.#pauses = 0
    this.troubled = false
    const held = this.unsent.size - this.#queue.length
    if (this.unsent.size === 0) this.#end.resolve()
    else if (held <= AT_ONCE * 2) this.#feed()
    this.#tell()
  }

  /** Decides what becomes of a photo that did not arrive. */
  #lost(file: Entry, error: Fault | Problem) {
    const name = file.name ?? ''
    if (this.#stopped || !this.unsent.has(name)) return
    this.#moving.delete(name)
    this.#failed.add(file.id)
    if (this.#mayPass(error)) {
      this.troubled = true
      this.#wait()
    } else {
      this.#urls.drop(name)
      const refusals = (this.#refusals.get(name) ?? 0) + 1
      this.#refusals.set(name, refusals)
      if (refusals >= MAX_REFUSALS || error instanceof Problem) this.#end.reject(this.#problemOf(name, error))
      else this.#wait(0)
    }
    this.#tell()
  }

  /** Holds everything back until the network may be there again. */
  #wait(ms = Math.min(MAX_PAUSE_MS, 500 * 2 ** this.#pauses)) {
    if (this.#timer !== 0) return
    if (ms > 0) this.#pauses++
    this.#timer = window.setTimeout(this.#goOn, ms)
  }

  #goOn = () => {
    clearTimeout(this.#timer)
    this.#timer = 0
    if (this.#stopped || this.paused) return
    const failed = [...this.#failed]
    this.#failed.clear()
    this.#uppy.resumeAll()
    for (const id of failed) if (this.#uppy.getFile(id)) this.#uppy.retryUpload(id)?.catch(() => {})
  }

  /** Whether the fault may go away by itself. */
  #mayPass(error: Fault | Problem) {
    if (error instanceof Problem) return error.passing
    const status = error?.status ?? 0
    return status === 0 || status === 429 || status >= 500
  }

  #problemOf(name: string, error: Fault | Problem) {
    if (error instanceof Problem) return error
    const code = error.serviceCode ?? error.status
    return new Problem(error.status ?? 0, 'store', t('net.store', { name: name.replace(/^\d{6}-/, ''), code: String(code ?? '') }))
  }
}
