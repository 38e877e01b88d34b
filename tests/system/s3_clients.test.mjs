// The store's S3 face as real clients see it: the AWS SDK for JavaScript, the aws command line, and a
// page's uploads by pre-signed URLs. S3D names the helper tests/s3/s3d of the build.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateBucketCommand,
  CreateMultipartUploadCommand, DeleteBucketCommand, DeleteObjectsCommand, GetBucketCorsCommand,
  GetBucketNotificationConfigurationCommand, GetObjectCommand, HeadBucketCommand,
  HeadObjectCommand, ListObjectsV2Command, ListPartsCommand, PutBucketCorsCommand,
  PutBucketNotificationConfigurationCommand, PutObjectCommand, S3Client, UploadPartCommand,
  UploadPartCopyCommand, paginateListObjectsV2,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

const helper = process.env.S3D
const skip = helper ? false : 'S3D does not name the s3d helper'
const origin = 'http://127.0.0.1:8080'
const part = 5 * 1024 * 1024

let folder, server, url, s3, credentials

before(async () => {
  if (!helper) return
  folder = mkdtempSync(path.join(tmpdir(), 's3-clients-'))
  server = spawn(helper, [path.join(folder, 'store')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: server.stdout }), 'line')
  const told = Object.fromEntries(line.split(' ').map((word) => {
    const at = word.indexOf('=')
    return [word.slice(0, at), word.slice(at + 1)]
  }))
  url = told.s3
  credentials = { accessKeyId: told.key, secretAccessKey: told.secret }
  s3 = client(credentials)
  await s3.send(new CreateBucketCommand({ Bucket: 'box' }))
})

after(async () => {
  if (!helper) return
  s3.destroy()
  server.stdin.end()
  const [status] = await once(server, 'exit')
  rmSync(folder, { recursive: true, force: true })
  assert.equal(status, 0, 'the helper ends cleanly')
})

function client(keys) {
  return new S3Client({ endpoint: url, region: 'local', forcePathStyle: true, credentials: keys })
}

const put = (Key, Body, more = {}) =>
  s3.send(new PutObjectCommand({ Bucket: 'box', Key, Body, ...more }))

async function get(Key, more = {}) {
  const answer = await s3.send(new GetObjectCommand({ Bucket: 'box', Key, ...more }))
  return Buffer.from(await answer.Body.transformToByteArray())
}

const md5 = (bytes) => createHash('md5').update(bytes).digest('hex')

async function refused(promise, name, status) {
  const error = await promise.then(() => null, (thrown) => thrown)
  assert.ok(error, `${name} expected`)
  assert.equal(error.name, name)
  assert.equal(error.$metadata.httpStatusCode, status)
}

test('objects by the SDK', { skip }, async () => {
  const key = 'a folder/ä+b %41&\'"<>.txt'
  const { ETag, ChecksumCRC32 } =
    await put(key, 'hello', { ContentType: 'text/plain', Metadata: { author: 'me' } })
  assert.equal(ETag, '"5d41402abc4b2a76b9719d911017c592"')
  assert.equal(ChecksumCRC32, 'NhCmhg==')
  const head = await s3.send(new HeadObjectCommand({ Bucket: 'box', Key: key }))
  assert.equal(head.ContentLength, 5)
  assert.equal(head.ContentType, 'text/plain')
  assert.deepEqual(head.Metadata, { author: 'me' })
  assert.ok(Math.abs(head.LastModified - Date.now()) < 60000)
  assert.equal((await get(key)).toString(), 'hello')
  assert.equal((await get(key, { Range: 'bytes=1-3' })).toString(), 'ell')
  const page = await s3.send(new ListObjectsV2Command({ Bucket: 'box', Prefix: 'a folder/' }))
  assert.deepEqual(page.Contents.map((entry) => entry.Key), [key])
})

test('errors by the SDK', { skip }, async () => {
  await put('there', 'x')
  await refused(get('not there'), 'NoSuchKey', 404)
  await refused(put('there', 'y', { IfNoneMatch: '*' }), 'PreconditionFailed', 412)
  await refused(get('there', { IfMatch: '"0"' }), 'PreconditionFailed', 412)
  await refused(get('there', { Range: 'bytes=9-' }), 'InvalidRange', 416)
  await refused(s3.send(new HeadBucketCommand({ Bucket: 'no-such-box' })), 'NotFound', 404)
  await refused(put('there', 'y', { ServerSideEncryption: 'aws:kms' }), 'NotImplemented', 501)
  await refused(put('there', 'y', { StorageClass: 'GLACIER' }), 'InvalidStorageClass', 400)
  await refused(s3.send(new DeleteBucketCommand({ Bucket: 'box' })), 'BucketNotEmpty', 409)
  const stranger = client({ ...credentials, secretAccessKey: 'wrong' })
  await refused(stranger.send(new GetObjectCommand({ Bucket: 'box', Key: 'there' })),
    'SignatureDoesNotMatch', 403)
  stranger.destroy()
})

test('a stream, which the SDK sends in chunks with a trailer', { skip }, async () => {
  const file = path.join(folder, 'stream')
  const bytes = randomBytes(3_000_001)
  writeFileSync(file, bytes)
  const { ETag } = await put('stream', createReadStream(file), { ContentLength: bytes.length })
  assert.equal(ETag, `"${md5(bytes)}"`)
  assert.deepEqual(await get('stream'), bytes)
  const head = await s3.send(new HeadObjectCommand({ Bucket: 'box', Key: 'stream' }))
  assert.equal(head.ContentEncoding, undefined)
})

test('every checksum that the SDK knows', { skip }, async () => {
  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']) {
    try {
      await put(`sum-${ChecksumAlgorithm}`, 'hello', { ChecksumAlgorithm })
    } catch (error) {
      // CRC64NVME needs a module of native code.
      if (!/crt|CRC64NVME/i.test(error.message) || error.$metadata?.httpStatusCode) throw error
    }
  }
  // Stored and given back: the SDK verifies what it reads.
  const { ChecksumSHA1 } = await s3.send(new HeadObjectCommand(
    { Bucket: 'box', Key: 'sum-SHA1', ChecksumMode: 'ENABLED' }))
  assert.equal(ChecksumSHA1, 'qvTGHdzF6KLavt4PO0gs2a6pQ00=')
})

test('pages and folders', { skip }, async () => {
  await Promise.all(Array.from({ length: 25 }, (_, i) => put(`many/${i % 5}/${i}`, 'x')))
  const keys = []
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 4 },
    { Bucket: 'box', Prefix: 'many/' })) keys.push(...page.Contents.map(({ Key }) => Key))
  assert.equal(keys.length, 25)
  assert.deepEqual(keys, [...keys].sort())
  const folders = []
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 },
    { Bucket: 'box', Prefix: 'many/', Delimiter: '/' })) {
    folders.push(...page.CommonPrefixes.map(({ Prefix }) => Prefix))
  }
  assert.deepEqual(folders, ['many/0/', 'many/1/', 'many/2/', 'many/3/', 'many/4/'])
  const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({
    Bucket: 'box', Delete: { Objects: keys.map((Key) => ({ Key })) } }))
  assert.equal(Deleted.length, 25)
  assert.equal(Errors, undefined)
})

test('a multipart upload with a copied part', { skip }, async () => {
  const upload = { Bucket: 'box', Key: 'film' }
  const bytes = randomBytes(part)
  const { UploadId } =
    await s3.send(new CreateMultipartUploadCommand({ ...upload, ContentType: 'video/mp4' }))
  const first = await s3.send(
    new UploadPartCommand({ ...upload, UploadId, PartNumber: 1, Body: bytes }))
  await put('source', bytes)
  const { CopyPartResult } = await s3.send(new UploadPartCopyCommand({
    ...upload, UploadId, PartNumber: 2, CopySource: 'box/source', CopySourceRange: 'bytes=0-999' }))
  assert.match(CopyPartResult.ETag, /^"[0-9a-f]{32}"$/)
  const { Parts } = await s3.send(new ListPartsCommand({ ...upload, UploadId }))
  assert.deepEqual(Parts.map(({ PartNumber, Size }) => [PartNumber, Size]), [[1, part], [2, 1000]])
  const complete = new CompleteMultipartUploadCommand({
    ...upload, UploadId, MultipartUpload: { Parts: [
      { PartNumber: 1, ETag: first.ETag }, { PartNumber: 2, ETag: CopyPartResult.ETag }] } })
  const done = await s3.send(complete)
  assert.match(done.ETag, /^"[0-9a-f]{32}-2"$/)
  assert.equal(done.Location, `${url}/box/film`)
  assert.deepEqual(await get('film'), Buffer.concat([bytes, bytes.subarray(0, 1000)]))

  const { UploadId: other } = await s3.send(new CreateMultipartUploadCommand(upload))
  await s3.send(new AbortMultipartUploadCommand({ ...upload, UploadId: other }))
  await refused(s3.send(new ListPartsCommand({ ...upload, UploadId: other })), 'NoSuchUpload', 404)
})

test('configurations survive a round trip', { skip }, async () => {
  const CORSRules = [{ AllowedOrigins: [origin], AllowedMethods: ['GET', 'PUT', 'POST', 'DELETE'],
    AllowedHeaders: ['*'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 600 }]
  await s3.send(new PutBucketCorsCommand({ Bucket: 'box', CORSConfiguration: { CORSRules } }))
  const cors = await s3.send(new GetBucketCorsCommand({ Bucket: 'box' }))
  assert.deepEqual(cors.CORSRules, CORSRules)

  const LambdaFunctionConfigurations = [{ Id: 'plans',
    LambdaFunctionArn: 'arn:aws:lambda:local:000000000000:function:intake',
    Events: ['s3:ObjectCreated:*'],
    Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'plans/' }] } } }]
  await s3.send(new PutBucketNotificationConfigurationCommand({
    Bucket: 'box', NotificationConfiguration: { LambdaFunctionConfigurations } }))
  const rules = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'box' }))
  assert.deepEqual(rules.LambdaFunctionConfigurations, LambdaFunctionConfigurations)
  await refused(s3.send(new PutBucketNotificationConfigurationCommand({
    Bucket: 'box', NotificationConfiguration: { QueueConfigurations: [
      { QueueArn: 'arn:aws:sqs:local:0:q', Events: ['s3:ObjectCreated:*'] }] } })),
  'InvalidArgument', 400)
})

// As the page does it: a preflight, then the PUT, both with an Origin.
async function uploadFromPage(signed, body, headers = {}) {
  const preflight = await fetch(signed, { method: 'OPTIONS', headers: { Origin: origin,
    'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'content-type' } })
  assert.equal(preflight.status, 200)
  assert.equal(preflight.headers.get('access-control-allow-origin'), origin)
  return fetch(signed, { method: 'PUT', body, headers: { Origin: origin, ...headers } })
}

test('pre-signed URLs in a page', { skip }, async () => {
  const CORSRules = [{ AllowedOrigins: [origin], AllowedMethods: ['GET', 'PUT'],
    AllowedHeaders: ['*'], ExposeHeaders: ['ETag'] }]
  await s3.send(new PutBucketCorsCommand({ Bucket: 'box', CORSConfiguration: { CORSRules } }))
  const command = (Key) => new PutObjectCommand({ Bucket: 'box', Key })
  const signed = await getSignedUrl(s3, command('page/a b.jpg'), { expiresIn: 60 })
  const stored = await uploadFromPage(signed, 'picture', { 'Content-Type': 'image/jpeg' })
  assert.equal(stored.status, 200)
  assert.equal(stored.headers.get('etag'), `"${md5('picture')}"`)
  assert.equal(stored.headers.get('access-control-expose-headers'), 'ETag')

  const read = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'box', Key: 'page/a b.jpg',
    ResponseContentDisposition: 'attachment; filename="a b.jpg"' }), { expiresIn: 60 })
  const answer = await fetch(read)
  assert.equal(await answer.text(), 'picture')
  assert.equal(answer.headers.get('content-type'), 'image/jpeg')
  assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="a b.jpg"')

  const wrongMethod = await fetch(read, { method: 'DELETE', headers: { Origin: origin } })
  assert.equal(wrongMethod.status, 403)
  assert.equal(wrongMethod.headers.get('content-type'), 'application/xml')
  const late = await getSignedUrl(s3, command('page/late'),
    { expiresIn: 1, signingDate: new Date(Date.now() - 3600_000) })
  const refusal = await uploadFromPage(late, 'x')
  assert.equal(refusal.status, 403)
  assert.equal(refusal.headers.get('access-control-allow-origin'), origin)
  assert.match(await refusal.text(), /<Message>Request has expired<\/Message>/)
})

test('many clients at once', { skip }, async () => {
  const keys = Array.from({ length: 120 }, (_, i) => `busy/${i}`)
  await Promise.all(keys.map(async (key, i) => {
    const bytes = randomBytes(i * 17)
    await put(key, bytes)
    assert.deepEqual(await get(key), bytes)
    await s3.send(new DeleteObjectsCommand({ Bucket: 'box', Delete: { Objects: [{ Key: key }] } }))
  }))
  const left = await s3.send(new ListObjectsV2Command({ Bucket: 'box', Prefix: 'busy/' }))
  assert.equal(left.KeyCount, 0)
})

const noAws = spawnSync('aws', ['--version']).status === 0 ? false : 'aws is not on this machine'

test('the aws command line', { skip: skip || noAws }, () => {
  const aws = (...args) => execFileSync('aws', ['--endpoint-url', url, ...args], { encoding: 'utf8',
    env: { ...process.env, AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey, AWS_DEFAULT_REGION: 'local',
      AWS_EC2_METADATA_DISABLED: 'true' } })
  const small = path.join(folder, 'small')
  const big = path.join(folder, 'big')
  const back = path.join(folder, 'back')
  writeFileSync(small, 'hello')
  writeFileSync(big, randomBytes(30_000_000))
  aws('s3', 'mb', 's3://by-aws')
  aws('s3', 'cp', small, 's3://by-aws/a/small', '--no-progress')
  aws('s3', 'cp', big, 's3://by-aws/a/big', '--no-progress')
  assert.match(aws('s3', 'ls', 's3://by-aws/a/'), /30000000 big[^]*5 small/)
  aws('s3', 'cp', 's3://by-aws/a/big', back, '--no-progress')
  assert.equal(md5(readFileSync(back)), md5(readFileSync(big)))
  aws('s3', 'cp', 's3://by-aws/a/big', 's3://by-aws/b/big', '--no-progress')
  const link = aws('s3', 'presign', 's3://by-aws/a/small').trim()
  assert.equal(execFileSync('curl', ['-sf', link], { encoding: 'utf8' }), 'hello')
  aws('s3', 'rm', 's3://by-aws', '--recursive')
  assert.equal(aws('s3', 'ls', 's3://by-aws', '--recursive'), '')
  aws('s3', 'rb', 's3://by-aws')
})
