// A running `tachyscope serve` for tests: starts it on free ports with a data folder of its own, gives
// its addresses, its log and clients for it, and ends it.
import { spawn, spawnSync, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, existsSync, readdirSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { S3Client } from '@aws-sdk/client-s3'

const here = path.dirname(fileURLToPath(import.meta.url))
export const root = path.resolve(here, '../..')
export const build = path.resolve(process.env.TACHYSCOPE_BUILD ?? path.join(root, 'build'))
export const tachyscope = path.join(build, 'tachyscope')

/** Sanitizers slow everything down; limits of tests on time are multiplied by this. */
export const patience = Number(process.env.TACHYSCOPE_PATIENCE ?? 1)

export function has(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

const folders = []
process.once('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** A folder that goes away with the tests: at their end, when no server writes to it any more. */
export function scratch() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tachyscope-test-'))
  folders.push(folder)
  return folder
}

/** The nature photographs of Debian's mate-backgrounds package, sorted. */
export function photos() {
  const folder = execFileSync(path.join(root, 'tools/get-photos')).toString().trim()
  return readdirSync(folder)
    .filter((name) => /\.jpe?g$/i.test(name))
    .sort()
    .map((name) => path.join(folder, name))
}

/** Waits until `check` gives something true; fails after `seconds`. Asks again after each `ms`. */
export async function until(check, what, seconds = 60, ms = 50) {
  const end = Date.now() + seconds * 1000 * patience
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}

export class Server {
  /** Starts on `data`; further options of `serve` in `options`; on free ports unless they are given. */
  static async start(t, data, options = [], { listen = '127.0.0.1:0', s3Listen = '127.0.0.1:0' } = {}) {
    const server = new Server()
    server.data = data
    server.log = ''
    server.child = spawn(
      tachyscope,
      ['serve', '--data', data, '--listen', listen, '--s3-listen', s3Listen, ...options],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    server.ended = new Promise((resolve) =>
      server.child.on('exit', (code, signal) => resolve({ code, signal })),
    )
    server.child.stderr.on('data', (bytes) => (server.log += bytes))
    let out = ''
    server.child.stdout.on('data', (bytes) => (out += bytes))
    t.after(() => server.kill())
    await Promise.race([
      until(() => out.includes('\n'), 'the ready line', 30),
      server.ended.then(({ code }) => {
        throw new Error(`the server ended with ${code}: ${server.log}`)
      }),
    ])
    const match = /^ready page=(\S+) s3=(\S+)\n/.exec(out)
    if (!match) throw new Error(`no ready line: ${out}`)
    server.page = match[1].replace(/\/$/, '')
    server.s3Url = match[2]
    return server
  }

  get rootKey() {
    const [accessKeyId, secretAccessKey] = readFileSync(path.join(this.data, 'root.key'), 'utf8').split('\n')
    return { accessKeyId, secretAccessKey }
  }

  s3(credentials = this.rootKey) {
    return new S3Client({
      endpoint: this.s3Url,
      region: 'local',
      forcePathStyle: true,
      credentials,
      maxAttempts: 1,
    })
  }

  async api(method, pathname, body, headers = {}) {
    const response = await fetch(this.page + pathname, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = await response.text()
    let json
    try {
      json = text ? JSON.parse(text) : undefined
    } catch {
      json = undefined
    }
    return { status: response.status, headers: response.headers, text, json }
  }

  /** Creates a job; gives the API's answer. */
  async create(manifest, headers) {
    const answer = await this.api('POST', '/jobs', manifest, headers)
    if (answer.status !== 201) throw new Error(`POST /jobs: ${answer.status} ${answer.text}`)
    return answer.json
  }

  /** Waits for the end of a job and gives its last status. */
  async end(id, seconds = 120) {
    return until(
      async () => {
        const { json } = await this.api('GET', `/jobs/${id}`)
        return ['done', 'failed', 'cancelled'].includes(json?.state) ? json : undefined
      },
      `the end of job ${id}; log: ${this.log.slice(-3000)}`,
      seconds,
      100,
    )
  }

  /** Process ids of the running functions, by handler. */
  functions() {
    const found = []
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (!readlinkSync(`/proc/${pid}/exe`).endsWith('/bootstrap')) continue
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        if (!environment.includes(`AWS_ENDPOINT_URL_S3=${this.s3Url}`)) continue
        const handler = environment.find((line) => line.startsWith('_HANDLER='))?.slice(9)
        found.push({ pid: Number(pid), handler })
      } catch {
        // gone meanwhile
      }
    }
    return found
  }

  /** Ends it as a power cut would. */
  async kill() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    return this.ended
  }

  /** Ends it in order. */
  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM')
    return this.ended
  }
}

/** Uploads files through the signed addresses of a job. */
export async function upload(job, files) {
  for (const { name, url } of job.uploads) {
    const bytes = typeof files === 'function' ? files(name) : files[name]
    const response = await fetch(url, { method: 'PUT', body: bytes })
    if (response.status !== 200) throw new Error(`PUT ${name}: ${response.status} ${await response.text()}`)
  }
}

/** A manifest for files: [{name, size}] in order. */
export function manifestOf(files, settings = {}) {
  return {
    version: 1,
    images: Object.entries(files).map(([name, bytes]) => ({ name, size: bytes.length })),
    settings,
  }
}

/** Reads photos into { '000000-name.jpg': bytes }. */
export function load(paths) {
  return Object.fromEntries(
    paths.map((file, i) => [`${String(i).padStart(6, '0')}-${path.basename(file)}`, readFileSync(file)]),
  )
}

export function run(args, options = {}) {
  const result = spawnSync(tachyscope, args, { encoding: 'utf8', timeout: 300000 * patience, ...options })
  return { code: result.status, signal: result.signal, out: result.stdout, err: result.stderr }
}

export function ffprobe(file) {
  const text = execFileSync('ffprobe', [
    '-v', 'error', '-count_frames', '-show_streams', '-show_format', '-of', 'json', file,
  ])
  return JSON.parse(text)
}

/** Names of an MP4's top-level boxes. */
export function boxes(bytes) {
  const names = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    let size = bytes.readUInt32BE(at)
    names.push(bytes.toString('latin1', at + 4, at + 8))
    if (size === 1) size = Number(bytes.readBigUInt64BE(at + 8))
    if (size < 8) break
    at += size
  }
  return names
}

export { existsSync }
