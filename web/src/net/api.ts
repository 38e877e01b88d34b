// The HTTP API: every call the page makes of it, and what its refusals mean.
import { sentence, t } from '../words/words.ts'
import type { Job, Listed, Manifest, SignedUpload, Status } from './types.ts'

export class Problem extends Error {
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    text: string,
  ) {
    super(sentence(text))
  }

  /** Whether the same call may work a moment later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** With the milliseconds it is good for, by the server's own clock. */
export type Address = SignedUpload & { lifetime: number }

interface Options {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

async function problemOf(response: Response) {
  const kind = response.headers.get('content-type') ?? ''
  const problem = /json/.test(kind) ? await response.json().catch(() => ({})) : {}
  const text = problem.detail ?? problem.title ?? t('net.status', { status: String(response.status) })
  return new Problem(response.status, problem.code ?? '', text)
}

async function call(method: string, path: string, { token, body, headers = {}, signal }: Options = {}) {
  const all = { ...headers }
  if (token) all.Authorization = `Bearer ${token}`
  if (body !== undefined) all['Content-Type'] = 'application/json'
  try {
    const response = await fetch(new URL(path, document.baseURI), {
      method,
      headers: all,
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
    if (response.status === 304) return { response, json: undefined }
    if (!response.ok) throw await problemOf(response)
    return { response, json: await response.json() }
  } catch (error) {
    if (error instanceof Problem || (error as Error).name === 'AbortError') throw error
    throw new Problem(0, 'network', t('net.unreachable'))
  }
}

function addresses(response: Response, uploads: SignedUpload[]): Address[] {
  const now = Date.parse(response.headers.get('date') ?? '') || Date.now()
  return uploads.map((upload) => ({ ...upload, lifetime: Date.parse(upload.expires_at) - now }))
}

const pathOf = (job: Job) => `jobs/${encodeURIComponent(job.id)}`

/** @param key the same for every try */
export async function createJob(manifest: Manifest, key: string, owner: string) {
  const { response, json } = await call('POST', 'jobs', { token: owner, body: manifest, headers: { 'Idempotency-Key': key } })
  const job: Job = { id: json.id, token: json.token, live: json.live_url ?? '' }
  return { job, uploads: addresses(response, json.uploads) }
}

/** @param names at most 1,000 */
export async function signUploads(job: Job, names: string[]) {
  const { response, json } = await call('POST', `${pathOf(job)}/uploads`, { token: job.token, body: { names } })
  return addresses(response, json.uploads as SignedUpload[])
}

/** `status` is undefined when nothing changed since `etag`. */
export async function getStatus(job: Job, { etag = '', nudge = false, signal }: { etag?: string; nudge?: boolean; signal?: AbortSignal } = {}) {
  const { response, json } = await call('GET', pathOf(job) + (nudge ? '?nudge=1' : ''), {
    token: job.token,
    headers: etag ? { 'If-None-Match': etag } : {},
    ...(signal ? { signal } : {}),
  })
  return { status: json as Status | undefined, etag: response.headers.get('etag') ?? '' }
}

export async function cancelJob(job: Job) {
  return (await call('DELETE', pathOf(job), { token: job.token })).json as Status
}

export async function listJobs(owner: string, limit: number, after = '') {
  const query = new URLSearchParams({ limit: String(limit), ...(after ? { after } : {}) })
  const { json } = await call('GET', `jobs?${query}`, { token: owner })
  return json as { jobs: Listed[]; more: boolean }
}
