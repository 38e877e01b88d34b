// What is killed comes back: functions and the server die in the middle, the job finishes, exactly one
// video, equal to the undisturbed one.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { Server, load, manifestOf, patience, photos, run, scratch, until, upload } from './server.mjs'

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Noise that no encoder can make small: frames of it make large segments. */
function noise(folder, count, size) {
  execFileSync('ffmpeg', [
    '-v', 'error', '-f', 'lavfi', '-i', `nullsrc=size=${size},geq=random(1)*255:128:128`, '-frames:v', String(count),
    '-q:v', '2', path.join(folder, '%06d-noise.jpg'),
  ])
  return Array.from({ length: count }, (_, i) => path.join(folder, `${String(i + 1).padStart(6, '0')}-noise.jpg`))
}

async function keys(s3, Bucket, Prefix) {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))
  return Contents.map(({ Key }) => Key)
}

async function videoHash(server, job) {
  const { Body } = await server.s3().send(
    new GetObjectCommand({ Bucket: 'tachyscope-output', Key: `${job}/video.mp4` }),
  )
  return hash(Buffer.from(await Body.transformToByteArray()))
}

/** A film whose pictures are a few noise images again and again, under other names. */
function noiseFilm(folder, distinct, count, size, settings) {
  const images = Object.values(load(noise(folder, distinct, size)))
  const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(6, '0')}-noise.jpg`)
  const bytes = (name) => images[Number(name.slice(0, 6)) % distinct]
  const manifest = {
    version: 1,
    images: names.map((name) => ({ name, size: bytes(name).length })),
    settings: { size, ...settings },
  }
  return { manifest, bytes }
}

/** Creates the job and uploads all of it, several at a time. */
async function start(server, { manifest, bytes }) {
  const job = await server.create(manifest)
  const names = manifest.images.map(({ name }) => name)
  const uploads = [...job.uploads]
  while (uploads.length < names.length) {
    const more = await server.api('POST', `/jobs/${job.id}/uploads`, {
      names: names.slice(uploads.length, uploads.length + 1000),
    })
    uploads.push(...more.json.uploads)
  }
  const lanes = Array.from({ length: 8 }, (_, lane) => uploads.filter((_, i) => i % 8 === lane))
  await Promise.all(lanes.map((uploads) => upload({ uploads }, bytes)))
  return job
}

test('a killed function costs only what it had not flushed', async (t) => {
  const folder = scratch()
  // Ten segments of 240 frames and more than a chunk's worth of bytes each.
  const film = noiseFilm(folder, 16, 1350, '480x270', {
    fps: 30, hold: '1/15', speed: 'fast', quality: 100,
  })
  const server = await Server.start(t, path.join(folder, 'data'), ['--concurrency', '1'])
  const s3 = server.s3()
  const chunks = async (id) =>
    (await keys(s3, 'tachyscope-work', `chunks/${id}/`)).map((key) => {
      const [first, count] = key.split('/')[2].split('-').map(Number)
      return { first, count }
    })
  const encoded = () =>
    [...server.log.matchAll(/segments \d+\+\d+: (\d+) encoded/g)].reduce((sum, [, n]) => sum + Number(n), 0)
  const sum = (list) => list.reduce((total, { count }) => total + count, 0)

  const job = await start(server, film)
  // In the middle of a task: some of its segments are in a chunk, others are not.
  await until(async () => sum(await chunks(job.id)) > encoded(), 'a chunk of a task under way', 120, 20)
  const victim = server.functions().find(({ handler }) => handler === 'render')
  assert.ok(victim, 'a render function runs')
  process.kill(victim.pid, 'SIGKILL')
  const flushed = sum(await chunks(job.id))
  const before = encoded()
  assert.ok(flushed > before, 'the killed function had flushed something')

  const status = await server.end(job.id, 300)
  assert.equal(status.state, 'done', JSON.stringify(status) + server.log.slice(-2000))
  const segments = sum(await chunks(job.id))
  const tasks = (await keys(s3, 'tachyscope-work', `tasks/${job.id}/`)).filter((key) => /\/\d{6}-\d{6}-/.test(key))
  t.diagnostic(`${segments} segments in ${tasks.length} tasks; ${flushed - before} flushed by the killed function`)
  assert.ok(segments >= 10 && tasks.length >= 3)
  await server.stop()
  // Fewer only where a chunk of the killed function was on its way to the store and arrived after the look.
  assert.ok(
    encoded() <= segments - (flushed - before),
    `segments in chunks are not encoded again: ${encoded()} of ${segments}, ${flushed - before} were flushed`,
  )

  const calm = await Server.start(t, path.join(folder, 'calm'))
  const twin = await start(calm, film)
  assert.equal((await calm.end(twin.id, 300)).state, 'done')
  const again = await Server.start(t, path.join(folder, 'data'))
  assert.equal(await videoHash(again, job.id), await videoHash(calm, twin.id))
})

test('kill -9 of the server while uploading and while rendering: one video, the same', async (t) => {
  const folder = scratch()
  const data = path.join(folder, 'data')
  const files = load(photos().slice(0, 8))
  const settings = { fps: 30, hold: 3, size: '640x360', speed: 'fast' }
  const names = Object.keys(files)

  let server = await Server.start(t, data)
  const job = await server.create(manifestOf(files, settings))
  for (const { name, url } of job.uploads.slice(0, 4)) {
    const { status } = await fetch(url, { method: 'PUT', body: files[name] })
    assert.equal(status, 200)
  }
  // The fifth is half sent when the server dies.
  const half = files[names[4]]
  await new Promise((resolve) => {
    const request = http.request(job.uploads[4].url, {
      method: 'PUT', headers: { 'content-length': half.length },
    })
    request.on('error', resolve)
    request.write(half.subarray(0, half.length >> 1), () => {
      server.kill()
    })
  })
  await server.ended

  server = await Server.start(t, data)
  let s3 = server.s3()
  assert.deepEqual(
    await keys(s3, 'tachyscope-input', `jobs/${job.id}/images/`),
    names.slice(0, 4).map((name) => `jobs/${job.id}/images/${name}`),
    'what was acknowledged is there, what was not is not',
  )
  const more = await server.api('POST', `/jobs/${job.id}/uploads`, { names: names.slice(4) })
  assert.equal(more.status, 200)
  await upload(more.json, files)
  await until(
    async () => (await keys(s3, 'tachyscope-work', `tasks/${job.id}/`)).length > 1,
    'rendering to begin',
  )
  await server.kill()

  server = await Server.start(t, data)
  s3 = server.s3()
  const status = await server.end(job.id, 200)
  assert.equal(status.state, 'done', JSON.stringify(status) + server.log)
  assert.deepEqual(
    (await keys(s3, 'tachyscope-output', `${job.id}/`)).map((key) => key.split('/')[1]),
    ['poster.jpg', 'receipts.json', 'result.json', 'video.mp4'],
  )
  const local = run([
    'render', '--fps', '30', '--hold', '3', '--size', '640x360', '--speed', 'fast',
    '-o', path.join(folder, 'local.mp4'), ...photos().slice(0, 8),
  ])
  assert.equal(local.code, 0, local.err)
  assert.equal(await videoHash(server, job.id), hash(readFileSync(path.join(folder, 'local.mp4'))))
})

test('of a large film hardly a byte passes through the splice', async (t) => {
  const folder = scratch()
  const film = noiseFilm(folder, 16, patience > 1 ? 60 : 150, '1920x1080', {
    fps: 30, speed: 'fast', quality: 100,
  })
  const server = await Server.start(t, path.join(folder, 'data'))
  const job = await start(server, film)
  const status = await server.end(job.id, 400)
  assert.equal(status.state, 'done', JSON.stringify(status) + server.log)
  const bytes = status.outputs.find(({ kind }) => kind === 'video').bytes
  await server.stop()
  const splice = /splice of (\d+) bytes: received=(\d+) sent=(\d+)/.exec(server.log)
  assert.ok(splice, 'the splice says what it moved')
  t.diagnostic(`film of ${bytes} bytes: the splice received ${splice[2]} and sent ${splice[3]}`)
  assert.equal(Number(splice[1]), bytes)
  assert.ok(bytes > (patience > 1 ? 80e6 : 200e6), `the film has ${bytes} bytes`)
  for (const passed of [splice[2], splice[3]])
    assert.ok(Number(passed) <= 16 * 1024 * 1024, `${passed} bytes passed through`)
})

test('cancel: no video, no further upload, a late photo goes away', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const s3 = server.s3()
  const files = load(photos().slice(0, 3))
  const names = Object.keys(files)
  const job = await server.create(manifestOf(files, { hold: 2, size: '320x240' }))
  await upload({ uploads: job.uploads.slice(0, 2) }, files)
  const cancelled = await server.api('DELETE', `/jobs/${job.id}`, undefined, {
    authorization: `Bearer ${job.token}`,
  })
  assert.equal(cancelled.status, 200)
  assert.equal((await server.end(job.id)).state, 'cancelled')
  const more = await server.api('POST', `/jobs/${job.id}/uploads`, { names })
  assert.equal(more.status, 409)
  await upload({ uploads: job.uploads.slice(2) }, files)
  await until(
    async () => !(await keys(s3, 'tachyscope-input', `jobs/${job.id}/images/`)).some((key) => key.endsWith(names[2])),
    'the late photo to be removed',
  )
  assert.deepEqual(await keys(s3, 'tachyscope-output', `${job.id}/`), [`${job.id}/result.json`])
})

test('a photo uploaded again before the end counts, the older one does not', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const [a, b, c] = photos()
  const files = load([a, b, c])
  const names = Object.keys(files)
  const manifest = { version: 1, images: names.map((name) => ({ name })), settings: { hold: 2, size: '320x240', speed: 'fast' } }
  const job = await server.create(manifest)
  const put = (name, Body) =>
    server.s3().send(new PutObjectCommand({ Bucket: 'tachyscope-input', Key: `jobs/${job.id}/images/${name}`, Body }))
  await put(names[0], files[names[1]]) // the wrong photo first
  await put(names[1], files[names[1]])
  await put(names[0], files[names[0]])
  await put(names[2], files[names[2]])
  const status = await server.end(job.id)
  assert.equal(status.state, 'done', JSON.stringify(status) + server.log)
  const local = run(['render', '--hold', '2', '--size', '320x240', '--speed', 'fast', '-o', path.join(folder, 'l.mp4'), a, b, c])
  assert.equal(local.code, 0, local.err)
  assert.equal(await videoHash(server, job.id), hash(readFileSync(path.join(folder, 'l.mp4'))))
})
