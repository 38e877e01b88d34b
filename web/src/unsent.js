// Remembers, for this tab, which photos of a job are not in the store yet: after a reload the page can
// say so, and take exactly those again.

const key = (job) => `tachyscope-unsent-${job.id}`

/** @typedef {{ name: string, original: string, size: number }} Unsent */

/** @param {import('./api.js').Job} job @returns {Unsent[]} */
export function readUnsent(job) {
  try {
    return JSON.parse(sessionStorage.getItem(key(job)) ?? '[]')
  } catch {
    return []
  }
}

/** @param {import('./api.js').Job} job @param {Unsent[]} list */
export function writeUnsent(job, list) {
  try {
    if (list.length === 0) sessionStorage.removeItem(key(job))
    else sessionStorage.setItem(key(job), JSON.stringify(list))
  } catch {
    // No room: after a reload the photos cannot be asked for by name.
  }
}

/** The files that belong to unsent photos. @param {Unsent[]} unsent @param {File[]} files */
export function matchUnsent(unsent, files) {
  const found = new Map()
  for (const file of files) {
    const identity = `${file.size} ${file.name}`
    found.set(identity, [...(found.get(identity) ?? []), file])
  }
  return unsent.flatMap(({ name, original, size }) => {
    const file = found.get(`${size} ${original}`)?.shift()
    return file ? [{ name, file }] : []
  })
}
