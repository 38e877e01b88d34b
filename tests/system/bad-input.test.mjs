// What is wrong is refused, names the culprit, and kills nothing.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { deflateSync } from 'node:zlib'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { Server, load, manifestOf, photos, run, scratch, upload } from './server.mjs'

/** A PNG whose header says 60,000 x 60,000. */
function hugePng() {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const header = Buffer.from('0000ea600000ea600802000000', 'hex')
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc32(bytes) {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

test('manifests that are refused', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const one = (image, settings) => ({ version: 1, images: [image], settings })
  const cases = [
    ['not json', /JSON/],
    ['', /manifest/],
    [{}, /version/],
    [{ version: 2, images: [{ name: 'a' }] }, /version/],
    [{ version: 1, images: [] }, /no images/],
    [{ version: 1 }, /images/],
    [{ version: 1, images: [{ name: 'a' }, { name: 'a' }] }, /'a'/],
    [one({ name: 'a/b.jpg' }), /a\/b\.jpg/],
    [one({ name: '..' }), /'\.\.'/],
    [one({ name: 'a\u0007b' }), /control/],
    [one({ name: 'x'.repeat(256) }), /255/],
    [one({ name: 'a.jpg', size: 0 }), /a\.jpg/],
    [one({ name: 'a.jpg', colour: 1 }), /colour/],
    [one({ name: 'a.jpg' }, { fsp: 30 }), /'fsp' is not known; did you mean 'fps'/],
    [one({ name: 'a.jpg' }, { fps: 0 }), /fps/],
    [one({ name: 'a.jpg' }, { fps: [30] }), /fps/],
    [one({ name: 'a.jpg' }, { hold: -1 }), /hold/],
    [one({ name: 'a.jpg' }, { size: '641x480' }), /641x480/],
    [one({ name: 'a.jpg' }, { codec: 'prores', format: 'mp4' }), /'prores' does not go into 'mp4'.*goes into mov/],
    [one({ name: 'a.jpg' }, { transition: 'wipe' }), /'wipe' is not known.*wipe-left/],
    [one({ name: 'a.jpg' }, { 'audio-loop': true }), /'audio-loop' needs setting 'audio'/],
    [one({ name: 'a.jpg' }, { 'max-cost': 1 }), /'max-cost' is not supported/],
    [one({ name: 'a.jpg' }, { reuse: '../job' }), /'reuse'/],
    [one({ name: 'a.jpg' }, { 'callback-url': 'http://example.org' }), /'callback-url'/],
    [one({ name: 'a.jpg', rotate: 45 }), /rotate/],
    [{ version: 1, images: [{ name: 'a' }], assets: [{ name: 'b' }, { name: 'b' }] }, /asset 2 'b'/],
  ]
  for (const [manifest, message] of cases) {
    const { status, headers, json } = await server.api('POST', '/jobs', manifest)
    assert.ok(status >= 400 && status < 500, `${JSON.stringify(manifest)}: ${status}`)
    assert.match(headers.get('content-type'), /^application\/problem\+json/)
    assert.match(json.detail, message, JSON.stringify(manifest))
  }
  const odd = await server.create(one({ name: '0 "quoted" 😀 \'name\' +%20&.jpg', size: 10 }))
  assert.equal(odd.uploads.length, 1)
})

test('the same Idempotency-Key gives the same job, with another manifest a refusal', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const key = { 'idempotency-key': 'one' }
  const first = await server.create({ version: 1, images: [{ name: 'a.jpg' }] }, key)
  const second = await server.create({ version: 1, images: [{ name: 'a.jpg' }] }, key)
  assert.equal(first.id, second.id)
  const other = await server.api('POST', '/jobs', { version: 1, images: [{ name: 'b.jpg' }] }, key)
  assert.equal(other.status, 422)
})

test('who may ask', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'), ['--token', 'secret'])
  const owner = { authorization: 'Bearer secret' }
  const manifest = { version: 1, images: [{ name: 'a.jpg' }] }
  assert.equal((await server.api('POST', '/jobs', manifest)).status, 401)
  assert.equal((await server.api('GET', '/jobs')).status, 401)
  const job = await server.create(manifest, owner)
  const other = await server.create(manifest, owner)
  const jobs = { authorization: `Bearer ${job.token}` }
  assert.equal((await server.api('GET', `/jobs/${job.id}`)).status, 401)
  assert.equal((await server.api('GET', `/jobs/${job.id}`, undefined, jobs)).status, 200)
  assert.equal((await server.api('GET', `/jobs/${other.id}`, undefined, jobs)).status, 401)
  assert.equal((await server.api('GET', '/jobs', undefined, jobs)).status, 401)
  assert.equal((await server.api('GET', '/jobs', undefined, owner)).json.jobs.length, 2)
  assert.equal((await server.api('GET', '/jobs/nowhere', undefined, owner)).status, 404)
  assert.equal((await server.api('PUT', '/jobs', undefined, owner)).status, 405)
  const elsewhere = await server.api('POST', '/jobs', manifest, { ...owner, origin: 'http://elsewhere.example' })
  assert.equal(elsewhere.status, 403)
})

test('addresses that are wrong, expired, or for less than what is sent', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const job = await server.create({ version: 1, images: [{ name: 'a.jpg', size: 4 }] })
  const { url } = job.uploads[0]
  const put = async (address, body) => {
    const response = await fetch(address, { method: 'PUT', body })
    return { status: response.status, text: await response.text() }
  }
  const larger = await put(url, 'too large')
  assert.equal(larger.status, 403)
  assert.match(larger.text, /<Code>SignatureDoesNotMatch<\/Code>/)
  const wrong = await put(url.replace(/X-Amz-Signature=../, 'X-Amz-Signature=00'), 'four')
  assert.equal(wrong.status, 403)
  const other = await put(url.replace('a.jpg', 'b.jpg'), 'four')
  assert.equal(other.status, 403)
  const old = url.replace(/X-Amz-Date=\d{8}/, 'X-Amz-Date=20200101')
  assert.ok([400, 403].includes((await put(old, 'four')).status))
  assert.equal((await fetch(server.s3Url + '/tachyscope-input')).status, 403)
  assert.equal((await put(url, 'four')).status, 200)
})

test('images that are none fail the job and name the culprit', async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const good = readFileSync(photos()[0])
  const bad = {
    'truncated.jpg': [good.subarray(0, good.length >> 1), /truncated|damaged|premature/i],
    'text.jpg': [Buffer.from('this is not a photo, whatever its name says\n'.repeat(20)), /not an image|text/i],
    'huge.png': [hugePng(), /60000x60000.*limit/],
    'cut.png': [Buffer.from('89504e470d0a1a0a', 'hex'), /./],
  }
  for (const [name, [bytes, message]] of Object.entries(bad)) {
    // In second place: found by the renderer. In first: found when planning.
    for (const place of [0, 1]) {
      const list = place === 0 ? [[name, bytes], ['good.jpg', good]] : [['good.jpg', good], [name, bytes]]
      const files = Object.fromEntries(list)
      const job = await server.create(manifestOf(files, { hold: 0.2 }))
      await upload(job, files)
      const status = await server.end(job.id)
      assert.equal(status.state, 'failed', name)
      assert.equal(status.error.image, name, JSON.stringify(status))
      assert.match(status.error.detail, message, name)
      assert.match(status.error.detail, new RegExp(`image ${place + 1} `), name)
    }
  }
  const none = await server.create({ version: 1, images: [{ name: 'zero.jpg' }], settings: {} })
  await server.s3().send(
    new PutObjectCommand({ Bucket: 'tachyscope-input', Key: `jobs/${none.id}/images/zero.jpg`, Body: '' }),
  )
  const status = await server.end(none.id)
  assert.equal(status.state, 'failed')
  assert.match(status.error.detail, /empty/)
  assert.equal(server.child.exitCode, null, 'the server lives')
  assert.doesNotMatch(server.log, /signal|Sanitizer/)
})

test('a full disk: the upload is refused, nothing half stays, the server lives', async (t) => {
  const data = path.join(scratch(), 'small')
  mkdirSync(data)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', data]).status === 0
  if (!mounted) return t.skip('no right to mount a small file system')
  t.after(() => spawnSync('umount', ['-l', data]))
  const server = await Server.start(t, data)
  const files = load(photos().slice(0, 2))
  const names = Object.keys(files)
  files['filler.bin'] = Buffer.alloc(32 * 1024 * 1024)
  const job = await server.create({ version: 1, images: [{ name: names[0] }, { name: 'filler.bin' }, { name: names[1] }] })
  const put = async (at) => {
    const { name, url } = job.uploads[at]
    const response = await fetch(url, { method: 'PUT', body: files[name] })
    return { status: response.status, text: await response.text() }
  }
  assert.equal((await put(0)).status, 200)
  const refused = await put(1)
  assert.equal(refused.status, 507, refused.text)
  assert.match(refused.text, /<Code>InsufficientStorage<\/Code>/)
  assert.equal((await put(2)).status, 200, 'what fits is taken afterwards')
  const { json } = await server.api('GET', `/jobs/${job.id}`)
  assert.equal(json.images.arrived, 2)
  assert.equal(server.child.exitCode, null)
})

test('a manifest put by hand that is refused ends the job', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  await server.s3().send(
    new PutObjectCommand({ Bucket: 'tachyscope-input', Key: 'jobs/by-hand/manifest.json', Body: '{"version":1,' }),
  )
  const status = await server.end('by-hand')
  assert.equal(status.state, 'failed')
  assert.match(status.error.detail, /JSON.*new job id/)
})

test('a job whose photos are missing waits and says so', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const files = load(photos().slice(0, 2))
  const job = await server.create(manifestOf(files, { size: '320x240' }))
  await upload({ uploads: job.uploads.slice(0, 1) }, files)
  const { json } = await server.api('GET', `/jobs/${job.id}`)
  assert.ok(['waiting', 'rendering'].includes(json.state))
  assert.deepEqual(json.images, { expected: 2, arrived: 1 })
})

test('the command line: exit codes and one line that names the culprit', (t) => {
  const folder = scratch()
  const [photo] = photos()
  const text = path.join(folder, 'text.jpg')
  const empty = path.join(folder, 'empty.jpg')
  const none = path.join(folder, 'none')
  writeFileSync(text, 'no photo')
  writeFileSync(empty, '')
  mkdirSync(none)
  const out = path.join(folder, 'out.mp4')
  const cases = [
    [['render', '-o', out], 2, /IMAGES|image/i],
    [['render', photo], 2, /-o/],
    [['render', '--fsp', '30', '-o', out, photo], 2, /fsp/],
    [['render', '--fps', '0', '-o', out, photo], 2, /fps/],
    [['render', '--codec', 'prores', '-o', out, photo], 2, /prores/],
    [['render', '--format', 'webm', '-o', out, photo], 2, /webm/],
    [['render', '--audio', path.join(folder, 'missing.mp3'), '-o', out, photo], 1, /missing\.mp3/],
    [['render', '-o', path.join(folder, 'out.avi'), photo], 2, /avi/],
    [['render', '-o', path.join(folder, 'no', 'where.mp4'), photo], 1, /where\.mp4|no/],
    [['render', '-o', out, text], 1, /text\.jpg/],
    [['render', '-o', out, photo, text], 1, /text\.jpg/],
    [['render', '-o', out, empty], 1, /empty\.jpg/],
    [['render', '-o', out, none], 1, /none/],
    [['render', '-o', out, path.join(folder, 'missing.jpg')], 1, /missing\.jpg/],
    [['probe', text], 1, /text\.jpg/],
    [['submit', '--server', 'http://127.0.0.1:1', '-o', out, photo], 1, /127\.0\.0\.1:1/],
    [['serve', '--listen', '0.0.0.0:0', '--data', path.join(folder, 'd')], 2, /token/],
    [['nonsense'], 2, /nonsense/],
    [[], 2, /./],
  ]
  for (const [args, code, message] of cases) {
    const result = run(args)
    assert.equal(result.signal, null, `${args.join(' ')}: killed by ${result.signal}`)
    assert.equal(result.code, code, `${args.join(' ')}: ${result.err}`)
    assert.match(result.err + result.out, message, args.join(' '))
  }
  assert.equal(run(['probe', photo]).code, 0)
})
