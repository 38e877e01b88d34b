// The main job from outside: photos in, through the store and the functions, video out.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  GetObjectCommand, ListObjectsV2Command, PutObjectCommand,
} from '@aws-sdk/client-s3'
import {
  Server, boxes, ffprobe, load, manifestOf, photos, run, scratch, until, upload,
} from './server.mjs'

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')
const settings = { fps: 25, hold: 0.4, size: '320x240', speed: 'fast' }

async function download(status) {
  const video = status.outputs.find(({ kind }) => kind === 'video')
  const response = await fetch(video.url)
  assert.equal(response.status, 200)
  return Buffer.from(await response.arrayBuffer())
}

test('photos become a video that says what it is', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const files = load(photos().slice(0, 6))
  const job = await server.create(manifestOf(files, settings))
  assert.match(job.id, /^[A-Za-z0-9_-]{1,64}$/)
  await upload(job, files)
  const status = await server.end(job.id)
  assert.equal(status.state, 'done', JSON.stringify(status))
  assert.deepEqual(status.frames, { done: 60, total: 60 })
  assert.deepEqual(status.images, { expected: 6, arrived: 6 })

  const bytes = await download(status)
  const file = path.join(folder, 'video.mp4')
  writeFileSync(file, bytes)
  assert.deepEqual(boxes(bytes), ['ftyp', 'moov', 'mdat'])
  const { streams, format } = ffprobe(file)
  assert.equal(streams.length, 1)
  const [video] = streams
  assert.equal(video.codec_name, 'h264')
  assert.equal(video.pix_fmt, 'yuv420p')
  assert.equal(video.color_space, 'bt709')
  assert.equal(video.color_primaries, 'bt709')
  assert.equal(video.color_transfer, 'bt709')
  assert.equal(video.color_range, 'tv')
  assert.equal(video.width, 320)
  assert.equal(video.height, 240)
  assert.equal(Number(video.nb_read_frames), 60)
  assert.equal(Number(video.start_time), 0)
  assert.ok(Math.abs(Number(format.duration) - 2.4) < 1e-6, format.duration)
  const poster = await fetch(status.outputs.find(({ kind }) => kind === 'poster').url)
  assert.deepEqual([...new Uint8Array(await poster.arrayBuffer()).slice(0, 2)], [0xff, 0xd8])
  const receipts = await (await fetch(status.receipts.url)).json()
  assert.equal(receipts.length, 6)
  assert.ok(receipts.every(({ format }) => format === 'jpeg'))

  // The same status again costs nothing.
  const first = await server.api('GET', `/jobs/${job.id}`)
  const again = await server.api('GET', `/jobs/${job.id}`, undefined, {
    'if-none-match': first.headers.get('etag'),
  })
  assert.equal(again.status, 304)
})

test('render, submit with one function and submit with eight give the same bytes', async (t) => {
  const folder = scratch()
  const images = photos().slice(0, 12)
  const options = ['--fps', '24', '--hold', '2', '--size', '320x180', '--speed', 'fast']
  const hashes = {}
  const local = run(['render', ...options, '-o', path.join(folder, 'local.mp4'), ...images])
  assert.equal(local.code, 0, local.err)
  hashes.render = hash(readFileSync(path.join(folder, 'local.mp4')))
  const single = run(['render', '--threads', '1', ...options, '-o', path.join(folder, 'one.mp4'), ...images])
  assert.equal(single.code, 0, single.err)
  hashes.threads1 = hash(readFileSync(path.join(folder, 'one.mp4')))
  for (const concurrency of ['1', '8']) {
    const server = await Server.start(t, path.join(folder, `data${concurrency}`), ['--concurrency', concurrency])
    const out = path.join(folder, `submit${concurrency}.mp4`)
    const submit = run(['submit', '--server', server.page, ...options, '-o', out, ...images])
    assert.equal(submit.code, 0, submit.err + server.log)
    hashes[`submit${concurrency}`] = hash(readFileSync(out))
    await server.stop()
  }
  assert.equal(new Set(Object.values(hashes)).size, 1, JSON.stringify(hashes))
})

test('without the API: any S3 client, in any order, the manifest last or first', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const s3 = server.s3()
  const files = Object.entries(load(photos().slice(0, 4)))
  const put = (Key, Body) => s3.send(new PutObjectCommand({ Bucket: 'tachyscope-input', Key, Body }))
  const orders = {
    last: { job: 'manifest-last', first: false, images: [...files].reverse() },
    first: { job: 'manifest-first', first: true, images: files },
  }
  for (const { job, first, images } of Object.values(orders)) {
    const manifest = JSON.stringify(
      first
        ? { version: 1, images: files.map(([name]) => ({ name })), settings: { size: '160x120' } }
        : { version: 1, settings: { size: '160x120' } },
    )
    if (first) await put(`jobs/${job}/manifest.json`, manifest)
    for (const [name, bytes] of images) await put(`jobs/${job}/images/${name}`, bytes)
    if (!first) await put(`jobs/${job}/manifest.json`, manifest)
  }
  const results = []
  for (const { job } of Object.values(orders)) {
    const status = await server.end(job)
    assert.equal(status.state, 'done', JSON.stringify(status))
    const video = await s3.send(new GetObjectCommand({ Bucket: 'tachyscope-output', Key: `${job}/video.mp4` }))
    results.push(hash(Buffer.from(await video.Body.transformToByteArray())))
  }
  assert.equal(results[0], results[1])
})

test('no image passes through the API or a function that does not render', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const files = load(photos().slice(0, 8))
  const total = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0)
  const job = await server.create(manifestOf(files, settings))
  const store = new URL(server.s3Url)
  for (const { url } of job.uploads) assert.equal(new URL(url).host, store.host, 'uploads go to the store')
  await upload(job, files)
  assert.equal((await server.end(job.id)).state, 'done')
  await server.stop()
  const moved = { api: 0, intake: 0, render: 0 }
  for (const [, name, sent, received] of server.log.matchAll(
    /(api|intake|render): REPORT .* s3_sent=(\d+) s3_received=(\d+)/g,
  ))
    moved[name] += Number(sent) + Number(received)
  assert.ok(moved.api > 0 && moved.intake > 0 && moved.render >= total, JSON.stringify(moved))
  assert.ok(moved.api < 100_000, `api moved ${moved.api} bytes`)
  assert.ok(moved.intake < 200_000, `intake moved ${moved.intake} bytes of ${total}`)
})

test('each function has its rights and no others', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const keys = JSON.parse(readFileSync(path.join(folder, 'data', 'keys.json'), 'utf8'))
  const root = server.s3()
  const buckets = { input: 'tachyscope-input', work: 'tachyscope-work', output: 'tachyscope-output' }
  const samples = {
    input: ['jobs/j/manifest.json', 'jobs/j/images/a.jpg'],
    work: ['tasks/j/splice-0.json', 'plans/j.json', 'facts/j/x.json', 'cancelled/j', 'chunks/j/x', 'splice/j.json', 'progress/j/0/1'],
    output: ['j/video.mp4', 'j/result.json'],
  }
  // What the table of the design allows: function -> bucket -> operation -> keys (true: all).
  const may = {
    api: {
      input: { put: true, get: ['jobs/j/manifest.json'], list: true },
      work: { get: true, list: true, put: ['cancelled/j'] },
      output: { get: true, list: true },
    },
    intake: {
      input: { get: true, list: true, delete: true },
      work: { get: true, list: true, put: ['tasks/j/splice-0.json', 'plans/j.json'] },
      output: { get: true, list: true, put: ['j/result.json'] },
    },
    render: {
      input: { get: true, list: true },
      work: { get: true, put: true, list: true, delete: true },
      output: { get: true, put: true, list: true, delete: true },
    },
  }
  const { DeleteObjectCommand } = await import('@aws-sdk/client-s3')
  const operations = {
    put: (s3, Bucket, Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' })),
    get: (s3, Bucket, Key) => s3.send(new GetObjectCommand({ Bucket, Key })),
    delete: (s3, Bucket, Key) => s3.send(new DeleteObjectCommand({ Bucket, Key })),
    list: (s3, Bucket, Key) => s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key })),
  }
  const wrong = []
  for (const [name, rights] of Object.entries(may)) {
    const key = keys[name]
    const s3 = server.s3({ accessKeyId: key.access_key, secretAccessKey: key.secret_key })
    for (const [bucket, bucketName] of Object.entries(buckets))
      for (const sample of samples[bucket])
        for (const [operation, attempt] of Object.entries(operations)) {
          const right = rights[bucket]?.[operation]
          const allowed = right === true || (Array.isArray(right) && right.includes(sample))
          // The object must be there, so that a refusal is one of rights.
          await root.send(new PutObjectCommand({ Bucket: bucketName, Key: sample, Body: 'x' }))
          const outcome = await attempt(s3, bucketName, sample).then(() => 'ok', ({ name: code }) => code)
          if ((outcome === 'ok') !== allowed || (!allowed && outcome !== 'AccessDenied'))
            wrong.push(`${name} ${operation} ${bucket}/${sample}: ${outcome}, allowed: ${allowed}`)
        }
    const outside = await s3.send(new ListObjectsV2Command({ Bucket: 'other' })).then(() => 'ok', (e) => e.name)
    if (outside === 'ok') wrong.push(`${name} lists another bucket`)
  }
  assert.deepEqual(wrong, [])
})

test('an idle server has no function process and sleeps', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'), ['--idle', '1'])
  const files = load(photos().slice(0, 2))
  const job = await server.create(manifestOf(files, settings))
  await upload(job, files)
  assert.equal((await server.end(job.id)).state, 'done')
  assert.ok(server.functions().length > 0, 'functions are kept warm at first')
  await until(() => server.functions().length === 0, 'functions to end', 20)
  // Voluntary switches of all threads: a thread that polls wakes up, one that sleeps does not.
  const switches = () => {
    let sum = 0
    for (const thread of readdirSync(`/proc/${server.child.pid}/task`))
      sum += Number(
        /voluntary_ctxt_switches:\s+(\d+)/.exec(
          readFileSync(`/proc/${server.child.pid}/task/${thread}/status`, 'utf8'),
        )[1],
      )
    return sum
  }
  // Connections that clients left open may still end; after that, two seconds without one wake-up.
  await until(async () => {
    const before = switches()
    await new Promise((resolve) => setTimeout(resolve, 2000))
    return switches() === before
  }, 'two seconds of sleep', 60)
})
