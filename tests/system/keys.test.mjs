// Access keys by the command line, beside a running server, and what they may with a real client; forms
// as the SDK signs them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import path from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { Server, run, scratch } from './server.mjs'

test('keys are added, used, listed and removed while the server runs', async (t) => {
  const data = path.join(scratch(), 'data')
  assert.equal(run(['keys', 'list', '--data', data]).code, 1)
  const server = await Server.start(t, data)
  const client = (credentials) => server.s3(credentials)
  const bucket = 'tachyscope-input'
  const added = run(['keys', 'add', `PutObject,GetObject:${bucket}/in/`, '--data', data, '--json'])
  assert.equal(added.code, 0, added.err)
  const { access_key: accessKeyId, secret_key: secretAccessKey } = JSON.parse(added.out)
  const s3 = client({ accessKeyId, secretAccessKey })
  const put = (Key) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }))
  await put('in/a')
  await assert.rejects(put('out/a'), { name: 'AccessDenied' })
  const { url, fields } = await createPresignedPost(s3, { Bucket: bucket, Key: 'in/${filename}',
    Conditions: [['content-length-range', 1, 10]], Expires: 60 })
  const send = (text) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('file', new Blob([text]), 'b.txt')
    return fetch(url, { method: 'POST', body: form })
  }
  assert.equal((await send('hello')).status, 204)
  assert.match(await (await send('more than ten')).text(), /<Code>EntityTooLarge<\/Code>/)
  const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'in/b.txt' }))
  assert.equal(await got.Body.transformToString(), 'hello')

  const temporary = JSON.parse(run(
    ['keys', 'add', `*:${bucket}`, '--expires', '60', '--data', data, '--json']).out)
  const session = client({ accessKeyId: temporary.access_key,
    secretAccessKey: temporary.secret_key, sessionToken: temporary.session_token })
  await session.send(new PutObjectCommand({ Bucket: bucket, Key: 'out/a', Body: 'x' }))

  assert.match(run(['keys', 'list', '--data', data]).out,
    new RegExp(`^${accessKeyId} PutObject:${bucket}/in/ GetObject:${bucket}/in/$`, 'm'))
  assert.equal(run(['keys', 'remove', accessKeyId, '--data', data]).code, 0)
  await assert.rejects(put('in/a'), { name: 'InvalidAccessKeyId' })
  assert.equal(run(['keys', 'remove', accessKeyId, '--data', data]).code, 1)
})

test('what is no right is refused', () => {
  for (const args of [[], ['add'], ['add', 'GetObject'], ['add', 'GetObjects:box'], ['add', ':box'],
    ['add', '*:box', '--expires', '0'], ['add', '*:box', '--access-key', 'a b'], ['drop', 'x'],
    ['remove']]) {
    const data = scratch()
    const result = run(['keys', ...args, '--data', data])
    assert.notEqual(result.code, 0, args.join(' '))
    assert.match(result.err, /^tachyscope: /)
  }
})
