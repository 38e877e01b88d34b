// What this browser remembers of the films it made: enough to list them with a name, and to follow them
// after a reload. The films themselves, and whether they are still there, are the server's to say.
import type { Job } from '../net/types.ts'

export interface Remembered extends Job {
  title: string
  photos: number
  created: number
  /** The settings' form, for "change something". */
  form: Record<string, string>
  /** Milliseconds; 0 until it is done. */
  ended: number
}

export interface Unsent {
  name: string
  original: string
  size: number
}

const FILMS = 'tachyscope.films'
const MAX_FILMS = 300
const unsentKey = (job: Job) => `tachyscope.unsent.${job.id}`

function read<T>(storage: Storage, key: string, otherwise: T): T {
  try {
    return (JSON.parse(storage.getItem(key) ?? 'null') as T | null) ?? otherwise
  } catch {
    return otherwise
  }
}

function write(storage: Storage, key: string, value: unknown) {
  try {
    storage.setItem(key, JSON.stringify(value))
  } catch {
    // No room: the film is made all the same, and found again through the server's list or its link.
  }
}

/** The newest first. */
export const remembered = () => read<Remembered[]>(localStorage, FILMS, [])

export const recall = (id: string) => remembered().find((film) => film.id === id)

export function remember(film: Remembered) {
  write(localStorage, FILMS, [film, ...remembered().filter(({ id }) => id !== film.id)].slice(0, MAX_FILMS))
}

export function update(id: string, change: Partial<Remembered>) {
  write(localStorage, FILMS, remembered().map((film) => (film.id === id ? { ...film, ...change } : film)))
}

export const readUnsent = (job: Job) => read<Unsent[]>(localStorage, unsentKey(job), [])

export function writeUnsent(job: Job, list: Unsent[]) {
  if (list.length === 0) localStorage.removeItem(unsentKey(job))
  else write(localStorage, unsentKey(job), list)
}

/** The files that belong to unsent photos. */
export function matchUnsent(unsent: Unsent[], files: File[]) {
  const found = new Map<string, File[]>()
  for (const file of files) {
    const identity = `${file.size} ${file.name}`
    found.set(identity, [...(found.get(identity) ?? []), file])
  }
  return unsent.flatMap(({ name, original, size }) => {
    const file = found.get(`${size} ${original}`)?.shift()
    return file ? [{ name, file }] : []
  })
}
