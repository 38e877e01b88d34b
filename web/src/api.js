// The calls of the HTTP API. Failures are thrown as Problem, whose message is a sentence for people.
import { sentence } from './words.js'

/** @typedef {{ id: string, token: string }} Job */
/** @typedef {{ name: string, url: string, headers: Record<string, string>, expires_at: string }} SignedUpload */

export class Problem extends Error {
  /** @param {number} status 0: no answer came @param {string} code @param {string} text */
  constructor(status, code, text) {
    super(sentence(text))
    this.status = status
    this.code = code
  }

  /** Whether the same call may work a moment later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

const unreachable = 'the server cannot be reached'

/** @param {Response} response */
async function problemOf(response) {
  const kind = response.headers.get('content-type') ?? ''
  const problem = /json/.test(kind) ? await response.json().catch(() => ({})) : {}
  const text = problem.detail ?? problem.title ?? `the server answered with status ${response.status}`
  return new Problem(response.status, problem.code ?? '', text)
}

/**
 * @param {string} method @param {string} path relative to the page
 * @param {{ token?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 */
async function call(method, path, { token, body, headers = {}, signal } = {}) {
  /** @type {Record<string, string>} */
  const all = { ...headers }
  if (token) all.Authorization = `Bearer ${token}`
  if (body !== undefined) all['Content-Type'] = 'application/json'
  let response
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      headers: all,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: 'no-store',
    })
    if (response.status === 304) return { response, json: undefined }
    if (!response.ok) throw await problemOf(response)
    return { response, json: await response.json() }
  } catch (error) {
    if (error instanceof Problem || error.name === 'AbortError') throw error
    throw new Problem(0, 'network', unreachable)
  }
}

/** Milliseconds that signed addresses are good for, by the server's own clock. */
function lifetimes(response, uploads) {
  const now = Date.parse(response.headers.get('date') ?? '') || Date.now()
  return uploads.map((upload) => ({ ...upload, lifetime: Date.parse(upload.expires_at) - now }))
}

/** @param {object} manifest @param {string} key the same for every try @param {string} ownerToken */
export async function createJob(manifest, key, ownerToken) {
  const { response, json } = await call('POST', 'jobs', {
    token: ownerToken,
    body: manifest,
    headers: { 'Idempotency-Key': key },
  })
  return { job: { id: json.id, token: json.token }, uploads: lifetimes(response, json.uploads) }
}

const pathOf = (job) => `jobs/${encodeURIComponent(job.id)}`

/** @param {Job} job @param {string[]} names at most 1,000 */
export async function signUploads(job, names) {
  const { response, json } = await call('POST', `${pathOf(job)}/uploads`, { token: job.token, body: { names } })
  return lifetimes(response, json.uploads)
}

/** `status` is undefined when nothing changed since `etag`.
 * @param {Job} job @param {{ etag?: string, nudge?: boolean, signal?: AbortSignal }} [options] */
export async function getStatus(job, { etag, nudge = false, signal } = {}) {
  const { response, json } = await call('GET', pathOf(job) + (nudge ? '?nudge=1' : ''), {
    token: job.token,
    headers: etag ? { 'If-None-Match': etag } : {},
    signal,
  })
  return { status: json, etag: response.headers.get('etag') ?? '' }
}

/** @param {Job} job */
export async function cancelJob(job) {
  return (await call('DELETE', pathOf(job), { token: job.token })).json
}
