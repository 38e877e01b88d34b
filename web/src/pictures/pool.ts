// The workers that make pictures, and in which order: what was asked for last comes first, so that in
// thousands of photos those are made first that are seen. Times of capture are read when nothing else
// is to be done.
import type { Answer, Order } from './worker.ts'

const WORKERS = Math.min(4, Math.max(2, (navigator.hardwareConcurrency ?? 2) - 1))

interface Job {
  order: Omit<Order, 'task'>
  resolve: (answer: Answer) => void
}

const idle: Worker[] = []
const running = new Map<number, { job: Job; worker: Worker }>()
const seen: Job[] = [] // a stack
const background: Job[] = [] // a queue
let started = 0
let tasks = 0

function workerOf() {
  const free = idle.pop()
  if (free) return free
  if (started >= WORKERS) return undefined
  started++
  const worker = new Worker(new URL(document.body.dataset.worker ?? '', document.baseURI), { type: 'module' })
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const entry = running.get(data.task)
    running.delete(data.task)
    idle.push(worker)
    entry?.job.resolve(data)
    work()
  }
  // A picture that brings its worker down is not shown; the next ones get another worker.
  worker.onerror = () => {
    worker.terminate()
    started--
    for (const [task, entry] of running)
      if (entry.worker === worker) {
        running.delete(task)
        entry.job.resolve({ task, picture: null, taken: null })
      }
    work()
  }
  return worker
}

function work() {
  while (seen.length + background.length > 0) {
    const worker = workerOf()
    if (!worker) return
    const job = seen.pop() ?? background.shift()!
    const task = ++tasks
    running.set(task, { job, worker })
    worker.postMessage({ ...job.order, task } satisfies Order)
  }
}

const put = (jobs: Job[], order: Omit<Order, 'task'>) => {
  let job: Job | undefined
  const promise = new Promise<Answer>((resolve) => {
    job = { order, resolve }
    jobs.push(job)
    work()
  })
  /** Not wanted any more; gives whether it was still waiting. */
  const forget = () => {
    const place = jobs.indexOf(job!)
    if (place >= 0) jobs.splice(place, 1)
    return place >= 0
  }
  return { promise, forget }
}

export const small = (file: Blob, name: string, width: number) => put(seen, { file, name, width, as: 'jpeg' })

export async function bitmapOf(file: Blob, name: string, width: number) {
  const { picture } = await put(seen, { file, name, width, as: 'bitmap' }).promise
  return picture instanceof ImageBitmap ? picture : null
}

export async function takenAt(file: Blob, name: string) {
  return (await put(background, { file, name, width: 0, as: 'jpeg' }).promise).taken
}
