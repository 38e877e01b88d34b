// The job that the page follows stands in the address behind `#`, which browsers send to nobody: a
// reload, a bookmark and a second device follow the same job.

/** @returns {import('./api.js').Job | null} */
export function readLink() {
  const values = new URLSearchParams(location.hash.slice(1))
  const id = values.get('job') ?? ''
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? { id, token: values.get('token') ?? '' } : null
}

/** @param {import('./api.js').Job | null} job */
export function writeLink(job) {
  const hash = job ? `#${new URLSearchParams({ job: job.id, token: job.token })}` : ''
  history.replaceState(null, '', location.pathname + location.search + hash)
}
