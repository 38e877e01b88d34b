// Listening to a job over WebSocket (ws is the client), and who may do what there.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { WebSocket } from 'ws'
import { Server, load, manifestOf, photos, scratch, until, upload } from './server.mjs'

const settings = { fps: 25, hold: 0.4, size: '320x240', speed: 'fast' }

/** A listener: its messages so far, and how the connection came to be or not. */
function listen(server, address, options = {}) {
  const socket = new WebSocket(server.page.replace('http', 'ws') + address, options)
  const listener = { socket, seen: [], status: undefined, closed: undefined }
  socket.on('message', (data, isBinary) => {
    assert.equal(isBinary, false)
    listener.seen.push(JSON.parse(data.toString()))
  })
  socket.on('unexpected-response', (request, response) => {
    listener.status = response.statusCode
    request.destroy()
  })
  socket.on('open', () => (listener.status = 101))
  socket.on('close', (code) => (listener.closed = code))
  socket.on('error', () => {})
  return listener
}

/** A request signed by hand (Signature Version 4) for execute-api; `sent` is sent in place of `body`. */
function signed(server, method, pathname, body, access, secret, sent = body) {
  const hex = (text) => createHash('sha256').update(text).digest('hex')
  const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, ''), day = date.slice(0, 8)
  const headers = { host: new URL(server.page).host, 'x-amz-content-sha256': hex(body), 'x-amz-date': date }
  const names = Object.keys(headers).join(';')
  const encoded = pathname.split('/').map(encodeURIComponent).map(encodeURIComponent).join('/') // twice, but for S3
  const canonical = [method, encoded, '', ...Object.entries(headers).map(([name, value]) => `${name}:${value}`), '', names, hex(body)].join('\n')
  const scope = `${day}/local/execute-api/aws4_request`
  const key = ['local', 'execute-api', 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, day))
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, hex(canonical)].join('\n')).toString('hex')
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return fetch(server.page + pathname, { method, headers, body: sent })
}

const last = ({ seen }) => seen[seen.length - 1]

test('a listener gets the status at once and every change, and never sees a job go backwards', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'), ['--token', 'the-owner'])
  const files = load(photos().slice(0, 6))
  const job = await server.create(manifestOf(files, settings), { authorization: 'Bearer the-owner' })
  assert.match(job.live_url, /^\/live\?job=/)
  const early = listen(server, job.live_url)
  const owner = listen(server, `/live?job=${job.id}&token=the-owner`)
  await until(() => early.seen.length > 0 && owner.seen.length > 0, `the first status; ${server.log.slice(-2000)}`)
  assert.equal(early.seen[0].state, 'waiting')
  assert.deepEqual(early.seen[0].images.expected, 6)
  await upload(job, files)
  await until(() => last(early).state === 'done' && last(owner).state === 'done', `the end; ${server.log.slice(-2000)}`)
  for (const { seen } of [early, owner]) {
    const frames = seen.map(({ frames }) => frames.done)
    assert.deepEqual(frames, [...frames].sort((a, b) => a - b))
    assert.equal(frames.at(-1), 60)
  }
  // It is the document that GET gives, addresses and all.
  const asked = (await server.api('GET', `/jobs/${job.id}`, undefined, { authorization: `Bearer ${job.token}` })).json
  const told = last(early)
  assert.equal((await fetch(told.outputs[0].url)).status, 200)
  const plain = (status) => JSON.stringify(status, (name, value) =>
    ['url', 'expires_at', 'eta_seconds'].includes(name) ? undefined : value)
  assert.equal(plain(told), plain(asked))
  // One who comes late is told the end.
  const late = listen(server, job.live_url)
  await until(() => late.seen.length > 0, 'the last status')
  assert.equal(late.seen[0].state, 'done')
  assert.ok(!server.log.includes(job.token), 'the token is in the log')
  assert.ok(!server.log.includes('the-owner'), 'the owner\'s token is in the log')
})

test('listeners need a token, a job, the page\'s origin and a handshake', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'), ['--token', 'the-owner'])
  const owner = { authorization: 'Bearer the-owner' }
  const files = load(photos().slice(0, 1))
  const job = await server.create(manifestOf(files, settings), owner)
  const other = await server.create(manifestOf(files, settings), owner)
  const refused = [
    ['/live', 401],
    [`/live?job=${job.id}`, 401],
    [`/live?job=${job.id}&token=`, 401],
    [`/live?job=${job.id}&token=wrong`, 401],
    [`/live?job=${job.id}&token=${other.token}`, 401],
    [`/live?job=..&token=the-owner`, 401],
    [`/live?job=none&token=the-owner`, 404],
    [`/live?job=%zz&token=the-owner`, 400],
  ]
  for (const [address, status] of refused) {
    const listener = listen(server, address)
    await until(() => listener.status !== undefined, address)
    assert.equal(listener.status, status, address)
  }
  const foreign = listen(server, job.live_url, { origin: 'https://elsewhere.example' })
  await until(() => foreign.status !== undefined, 'the answer to another site')
  assert.equal(foreign.status, 403)
  const own = listen(server, job.live_url, { origin: server.page })
  await until(() => own.seen.length > 0, 'the answer to the page')

  const plain = await fetch(server.page + job.live_url)
  assert.equal(plain.status, 426)
  assert.equal(plain.headers.get('upgrade'), 'websocket')
})

test('only the sender\'s key sends to listeners', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const job = await server.create(manifestOf(load(photos().slice(0, 1)), settings))
  const listener = listen(server, job.live_url)
  await until(() => listener.seen.length > 0, 'the first status')
  for (const method of ['POST', 'DELETE', 'GET', 'PUT']) {
    const answer = await fetch(`${server.page}/@connections/0123`, { method, body: method === 'GET' ? undefined : '{}' })
    assert.equal(answer.status, 403, method)
  }
  // The root key of the store is not the sender's, however it signs.
  const { accessKeyId, secretAccessKey } = server.rootKey
  const answer = await signed(server, 'POST', '/@connections/0123', '{}', accessKeyId, secretAccessKey)
  assert.equal(answer.status, 403)
  // The sender's key does; a body other than the signed one, or another's listener, does not.
  const keys = JSON.parse(readFileSync(path.join(server.data, 'keys.json'), 'utf8')).notify
  const send = (address, body, sent) =>
    signed(server, 'POST', address, body, keys.access_key, keys.secret_key, sent)
  assert.equal((await send('/@connections/0123', '{}')).status, 410)
  assert.equal((await send('/@connections/0123', '{}', '{"a":1}')).status, 403)
  assert.equal((await send('/@connections/0123', 'x'.repeat(200000))).status, 413)
  assert.equal(listener.seen.length, 1)
})

test('messages too long, garbage and sudden ends hurt nobody', async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const files = load(photos().slice(0, 2))
  const job = await server.create(manifestOf(files, settings))
  const talker = listen(server, job.live_url), vandal = listen(server, job.live_url)
  const gone = listen(server, job.live_url), quiet = listen(server, job.live_url)
  await until(() => [talker, vandal, gone, quiet].every(({ seen }) => seen.length > 0), 'the first status')
  talker.socket.send('hello')
  vandal.socket.send('x'.repeat(1024 * 1024))
  gone.socket.terminate()
  await until(() => vandal.closed !== undefined, 'the end of the one who sends too much')
  assert.equal(vandal.closed, 1009)
  await upload(job, files)
  await until(() => last(talker).state === 'done' && last(quiet).state === 'done', 'the end of the job')
  // An end in order, with the server's.
  const ended = await server.stop()
  assert.deepEqual(ended, { code: 0, signal: null })
  await until(() => quiet.closed !== undefined, 'the goodbye')
  assert.equal(quiet.closed, 1001)
})
