// The store's S3 face over TLS, where SDKs send bodies in chunks with a checksum behind them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { CreateBucketCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client }
  from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { has, scratch } from './server.mjs'

const helper = process.env.S3D
const skip = !helper ? 'S3D does not name the s3d helper'
  : has('openssl') ? false : 'openssl is not on this machine'

function certificate(folder, name) {
  const [cert, key] = ['cert', 'key'].map((kind) => path.join(folder, `${name}.${kind}`))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj',
    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
  { stdio: 'ignore' })
  return { cert, key }
}

async function start(t, args) {
  const server = spawn(helper, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(async () => {
    server.stdin.end()
    const [status] = await once(server, 'exit')
    assert.equal(status, 0, 'the helper ends cleanly')
  })
  const [line] = await once(createInterface({ input: server.stdout }), 'line')
  return Object.fromEntries(line.split(' ').map((word) => word.match(/^([^=]*)=(.*)$/).slice(1)))
}

test('objects over TLS', { skip }, async (t) => {
  const folder = scratch()
  const { cert, key } = certificate(folder, 'good')
  const told = await start(t, [path.join(folder, 'store'), cert, key])
  assert.match(told.s3, /^https:/)
  const agent = new https.Agent({ ca: readFileSync(cert), keepAlive: true })
  const s3 = new S3Client({ endpoint: told.s3, region: 'local', forcePathStyle: true,
    credentials: { accessKeyId: told.key, secretAccessKey: told.secret },
    requestHandler: { httpsAgent: agent } })
  await s3.send(new CreateBucketCommand({ Bucket: 'box' }))
  const bytes = randomBytes(9_000_001)
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  const bodies = { whole: bytes, stream: Readable.from([bytes.subarray(0, 70000), bytes.subarray(70000)]) }
  for (const [Key, Body] of Object.entries(bodies)) {
    const put = await s3.send(new PutObjectCommand(
      { Bucket: 'box', Key, Body, ContentLength: bytes.length, ChecksumAlgorithm: 'CRC32' }))
    assert.equal(put.ETag, etag)
    const got = await s3.send(new GetObjectCommand({ Bucket: 'box', Key }))
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), bytes)
    const head = await s3.send(new HeadObjectCommand(
      { Bucket: 'box', Key, ChecksumMode: 'ENABLED' }))
    assert.equal(head.ChecksumCRC32, put.ChecksumCRC32)
  }
  const signed = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'box', Key: 'whole' }))
  const file = path.join(folder, 'back')
  execFileSync('curl', ['-sf', '--cacert', cert, '-o', file, signed])
  assert.deepEqual(readFileSync(file), bytes)
  // Without the certificate nobody is fooled, and plain HTTP gets no object.
  assert.notEqual(spawnSync('curl', ['-s', signed]).status, 0)
  const plain = spawnSync('curl', ['-sf', signed.replace('https:', 'http:')])
  assert.notEqual(plain.status, 0)
  assert.equal(plain.stdout.length, 0)
  s3.destroy()
  agent.destroy()
})

test('a key that is not the certificate\'s is refused at the start', { skip }, () => {
  const folder = scratch()
  const [one, other] = [certificate(folder, 'one'), certificate(folder, 'other')]
  writeFileSync(path.join(folder, 'text'), 'no certificate')
  for (const [cert, key] of [[one.cert, other.key], [path.join(folder, 'text'), one.key]]) {
    const result = spawnSync(helper, [path.join(folder, 'store'), cert, key],
      { input: '', encoding: 'utf8' })
    assert.equal(result.status, 1)
    assert.match(result.stderr, /certificate and key/)
  }
})
