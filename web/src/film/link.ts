// What the page shows stands in the address behind `#`, which browsers send to nobody: a reload, a
// bookmark and a second device show the same film.
import type { Job } from '../net/types.ts'
import { recall } from './memory.ts'

export type Place = { job: Job } | 'films' | null

export function readPlace(): Place {
  if (location.hash === '#films') return 'films'
  const values = new URLSearchParams(location.hash.slice(1))
  const id = values.get('job') ?? ''
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) return null
  return { job: { id, token: values.get('token') ?? '', live: recall(id)?.live ?? '' } }
}

const hashOf = (place: Place) => {
  if (place === null) return ''
  if (place === 'films') return '#films'
  return `#${new URLSearchParams({ job: place.job.id, token: place.job.token })}`
}

export function writePlace(place: Place, { replace = false } = {}) {
  const hash = hashOf(place)
  if (hash === location.hash) return
  history[replace ? 'replaceState' : 'pushState'](null, '', location.pathname + location.search + hash)
}
