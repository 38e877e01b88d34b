// Functions of the host, called by clients of AWS Lambda.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Server, has, scratch } from './server.mjs'

test('aws lambda invoke calls a function', { skip: !has('aws') && 'aws is not installed' }, async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const { accessKeyId, secretAccessKey } = server.rootKey
  const answer = path.join(scratch(), 'answer.json')
  const payload = path.join(scratch(), 'payload.json')
  const invoke = (secret, event, ...more) => {
    // Versions 1 and 2 read a file in the same way, but not an argument.
    writeFileSync(payload, event)
    return spawnSync(
      'aws',
      ['lambda', 'invoke', '--endpoint-url', server.page, '--payload', `fileb://${payload}`, ...more, answer],
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secret,
          AWS_DEFAULT_REGION: 'local',
          AWS_MAX_ATTEMPTS: '1',
        },
      },
    )
  }
  const event = { version: '2.0', rawPath: '/nothing', headers: {}, requestContext: { http: { method: 'GET', path: '/nothing' } } }
  const call = invoke(secretAccessKey, JSON.stringify(event), '--function-name', 'api')
  assert.equal(call.status, 0, call.stderr)
  assert.equal(JSON.parse(call.stdout).StatusCode, 200)
  assert.equal(JSON.parse(readFileSync(answer, 'utf8')).statusCode, 404)

  const failed = invoke(secretAccessKey, '[]', '--function-name', 'api')
  assert.equal(failed.status, 0, failed.stderr)
  assert.equal(JSON.parse(failed.stdout).FunctionError, 'Unhandled')
  assert.ok(JSON.parse(readFileSync(answer, 'utf8')).errorMessage)

  const queued = invoke(secretAccessKey, '{"Records":[]}', '--function-name', 'intake', '--invocation-type', 'Event')
  assert.equal(JSON.parse(queued.stdout).StatusCode, 202)

  assert.match(invoke(secretAccessKey, '{}', '--function-name', 'nobody').stderr, /ResourceNotFoundException/)
  assert.match(invoke('another', '{}', '--function-name', 'api').stderr, /InvalidSignatureException/)
})
