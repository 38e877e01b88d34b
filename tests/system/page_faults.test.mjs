// What goes wrong between the page, the store and the server, and how the page goes on.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { choose, hold, open, player, shown, skip as noPage } from './browser.mjs'
import { Server, patience, photos, root, scratch, until } from './server.mjs'

const skip = noPage || (patience > 1 && 'the page is the same under every build of the server')

const description = JSON.parse(readFileSync(path.join(root, 'docs/openapi.json'), 'utf8'))
const noLive = skip || (!description.paths['/live'] && 'the API has no /live')

async function composing(t, { count = 3, seconds = 0.2, options = [] } = {}) {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'), options)
  const { page, complaints } = await open(t, server.page)
  await choose(page, photos().slice(0, count))
  await shown(page, 'compose')
  await hold(page, seconds)
  await page.locator('#transition').selectOption('none')
  await page.getByRole('radio', { name: /^720p/ }).check()
  return { folder, server, page, complaints }
}

const isPut = (route) => route.request().method() === 'PUT'
const figures = (page, text) =>
  page.waitForFunction((text) => document.getElementById('sending-figures').textContent.startsWith(text), text, { polling: 50 })

test('a bad photo is named, and another takes its place', { skip }, async (t) => {
  const { folder, page } = await composing(t, { count: 2 })
  const text = path.join(folder, 'letter.jpg')
  writeFileSync(text, 'Dear reader, this is no photo.\n')
  await choose(page, [text], '#add')
  await page.click('#make')
  await shown(page, 'problem')
  assert.equal(await page.textContent('#problem-title'), 'A photo could not be used')
  const refused = page.locator('#refused li')
  assert.equal(await refused.count(), 1)
  assert.equal(await refused.locator('b').textContent(), 'letter.jpg')
  const reason = await refused.locator('p').textContent()
  assert.match(reason, /^[A-Z].{10,}\.$/, 'the reason is a sentence')
  assert.doesNotMatch(reason, /\d{6}-|undefined|null/)
  // It is marked among the photos as well.
  await page.click('#back')
  assert.match(await page.locator('.tile.bad').getAttribute('aria-label'), /^letter\.jpg\./)
  await page.click('#make')
  await shown(page, 'problem')
  await choose(page, [photos()[5]], '#refused button')
  await page.getByRole('button', { name: 'Make film' }).last().click()
  await shown(page, 'done')
  await until(async () => (await player(page)).duration > 0, 'the film to load', 30)
})

test('a bad photo can be left out', { skip }, async (t) => {
  const { folder, page } = await composing(t, { count: 2 })
  const text = path.join(folder, 'letter.jpg')
  writeFileSync(text, 'Dear reader, this is no photo.\n')
  await choose(page, [text], '#add')
  await page.click('#make')
  await shown(page, 'problem')
  await page.getByRole('button', { name: 'Leave it out' }).click()
  await shown(page, 'done')
})

test('a reload while photos are sent goes on by itself', { skip }, async (t) => {
  const { page } = await composing(t, { count: 5 })
  // The store takes the first photo only, as if the network were slow after it.
  await page.route(/\/images\//, (route) => {
    if (!isPut(route) || /000000-/.test(route.request().url())) return route.continue()
    return undefined
  })
  await page.click('#make')
  await figures(page, '1 of 5')
  await until(() => page.evaluate(async () => {
    const databases = await indexedDB.databases()
    if (!databases.some(({ name }) => name === 'uppy-blobs')) return false
    const database = await new Promise((resolve) => (indexedDB.open('uppy-blobs').onsuccess = ({ target }) => resolve(target.result)))
    const count = await new Promise((resolve) => (database.transaction('files').objectStore('files').count().onsuccess = ({ target }) => resolve(target.result)))
    database.close()
    return count >= 4
  }), 'the browser to keep what is not sent', 20)
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  page.on('dialog', (dialog) => dialog.accept())
  await page.reload()
  await shown(page, 'done')
})

test('photos that the browser did not keep are named and chosen again', { skip }, async (t) => {
  const { page } = await composing(t, { count: 5 })
  await page.addInitScript(() => indexedDB.deleteDatabase('uppy-blobs'))
  await page.route(/\/images\//, (route) => {
    if (!isPut(route) || /000000-/.test(route.request().url())) return route.continue()
    return undefined
  })
  await page.click('#make')
  await figures(page, '1 of 5')
  page.on('dialog', (dialog) => dialog.accept())
  await page.reload()
  await shown(page, 'unsent')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  assert.match(await page.textContent('#unsent-text'), /^4 photos were not sent/)
  await choose(page, photos().slice(0, 5), '#choose-unsent')
  await shown(page, 'done')
})

test('a refused address is renewed, a lost connection is waited for', { skip }, async (t) => {
  const { page } = await composing(t)
  const tries = new Map()
  await page.route(/\/images\//, (route) => {
    if (!isPut(route)) return route.continue()
    const [name] = /\d{6}-[^?]*/.exec(route.request().url())
    tries.set(name, (tries.get(name) ?? 0) + 1)
    if (tries.get(name) > 1) return route.continue()
    const headers = { 'access-control-allow-origin': '*' }
    return name.startsWith('000001') ? route.abort() : route.fulfill({ status: 403, headers })
  })
  let renewed = 0
  page.on('request', (request) => {
    if (/\/jobs\/[^/]+\/uploads$/.test(request.url())) renewed++
  })
  await page.click('#make')
  await shown(page, 'done')
  assert.equal(tries.size, 3)
  assert.ok(renewed >= 1, 'addresses were asked for again')
})

test('sending pauses and goes on', { skip }, async (t) => {
  const { page } = await composing(t)
  const held = []
  await page.route(/\/images\//, (route) => (isPut(route) ? held.push(route) : route.continue()))
  await page.click('#make')
  await until(() => held.length === 3, 'the photos to be under way', 20)
  await page.click('#pause')
  await page.getByText('Paused. What was sent is kept.').waitFor()
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.getByRole('button', { name: 'Go on sending' }).click()
  await shown(page, 'done')
})

test('a reload while the film is made follows it', { skip }, async (t) => {
  const { page, complaints } = await composing(t, { count: 6, seconds: 3, options: ['--concurrency', '1'] })
  await page.click('#make')
  await figures(page, '6 of 6')
  await page.reload()
  await shown(page, 'making')
  assert.ok(await page.locator('#unsent').isHidden())
  await shown(page, 'done', 300)
  await until(async () => (await player(page)).videoWidth > 0, 'the film to load', 30)
  assert.ok(Math.abs((await player(page)).duration - 18) < 0.05)
  await page.reload()
  await shown(page, 'done')
  assert.deepEqual(complaints, [])
})

test('a server that is killed and started again finishes the film', { skip }, async (t) => {
  const { folder, server, page } = await composing(t, { count: 6, seconds: 6 })
  await page.click('#make')
  await figures(page, '6 of 6')
  await server.kill()
  await page.locator('#trouble').waitFor({ state: 'visible' })
  assert.match(await page.textContent('#trouble'), /cannot be reached.*Trying again/)
  const port = (url) => new URL(url).host
  await Server.start(t, path.join(folder, 'data'), [], { listen: port(server.page), s3Listen: port(server.s3Url) })
  await shown(page, 'done')
})

test('cancel gives the photos back', { skip }, async (t) => {
  const { server, page, complaints } = await composing(t, { count: 4, seconds: 60, options: ['--concurrency', '1'] })
  await page.click('#make')
  await shown(page, 'making')
  const id = await page.evaluate(() => new URLSearchParams(location.hash.slice(1)).get('job'))
  await page.click('#cancel')
  await shown(page, 'compose')
  assert.equal(await page.textContent('#compose-title'), '4 photos')
  assert.equal((await server.end(id)).state, 'cancelled')
  assert.deepEqual(complaints, [])
})

test('a film that is not kept any more is said so', { skip }, async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const { page } = await open(t, `${server.page}/#job=0123456789abcdef0123456789abcdef&token=gone`)
  await shown(page, 'problem')
  assert.equal(await page.textContent('#problem-title'), 'This film is not here any more')
})

test('a film is followed without asking for it again and again', { skip: noLive }, async (t) => {
  const { page } = await composing(t, { count: 6, seconds: 3, options: ['--concurrency', '1'] })
  let asked = 0
  const sockets = []
  page.on('websocket', (socket) => sockets.push(socket))
  page.on('request', (request) => {
    if (request.method() === 'GET' && /\/jobs\/\w+(\?|$)/.test(request.url())) asked++
  })
  await page.click('#make')
  await shown(page, 'done')
  assert.equal(sockets.length, 1)
  assert.match(sockets[0].url(), /\/live\?/)
  assert.ok(asked <= 2, `asked ${asked} times`)
})

test('where WebSockets are blocked the page asks', { skip: noLive }, async (t) => {
  const { page } = await composing(t)
  let blocked = 0
  await page.routeWebSocket(/\/live/, (socket) => {
    blocked++
    socket.close()
  })
  await page.click('#make')
  await shown(page, 'done')
  assert.ok(blocked >= 1)
})

test('more photos than are handed over at once all arrive', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page, complaints } = await open(t, server.page)
  const small = path.join(folder, 'small.jpg')
  execFileSync('ffmpeg', ['-v', 'error', '-i', photos()[0], '-vf', 'scale=96:64', small])
  const files = Array.from({ length: 450 }, (_, i) => {
    const file = path.join(folder, `many-${i}.jpg`)
    copyFileSync(small, file)
    return file
  })
  await choose(page, files)
  await shown(page, 'compose')
  await page.click('#make')
  await shown(page, 'done')
  await until(async () => (await player(page)).duration > 0, 'the film to load', 30)
  assert.ok(Math.abs((await player(page)).duration - 15) < 0.05)
  assert.deepEqual(complaints, [])
})
