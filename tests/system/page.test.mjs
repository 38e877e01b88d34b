// The page from outside: a browser chooses real photos, and a film plays.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { settingsValidator } from './schema.mjs'
import { Server, build, patience, photos, scratch, until } from './server.mjs'

const executablePath = '/usr/bin/chromium'
const skip = !existsSync(executablePath)
  ? 'there is no chromium'
  : !existsSync(path.join(build, 'web/index.html')) && `there is no page in ${build}/web`
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
]

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }
const desktop = { viewport: { width: 1280, height: 800 } }

/** A page of a browser with an empty profile; `complaints` is what its console says. */
async function open(t, url, device = desktop) {
  const { chromium } = await import('playwright-core')
  const profile = mkdtempSync(path.join(tmpdir(), 'tachyscope-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: flags,
    acceptDownloads: true,
    ...device,
  })
  // In one step: the profile can only go when the browser has.
  t.after(async () => {
    await context.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  context.setDefaultTimeout(30_000 * patience)
  const page = context.pages()[0] ?? (await context.newPage())
  const complaints = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  return { page, complaints }
}

const shown = (page, view, seconds = 120) =>
  page.locator(`#${view}`).waitFor({ state: 'visible', timeout: seconds * 1000 * patience })

/** Chooses files by the picker, as a user does. */
async function choose(page, files, button = '#choose') {
  const chooser = page.waitForEvent('filechooser')
  await page.click(button)
  await (await chooser).setFiles(files)
}

/** A slideshow of so many seconds a photo. */
async function hold(page, seconds) {
  await page.getByRole('radio', { name: /^Seconds/ }).check()
  await page.getByLabel('Seconds for each photo').fill(String(seconds))
}

const numbers = (page) =>
  page.$eval('#player', ({ duration, videoWidth, videoHeight, error }) => ({
    duration, videoWidth, videoHeight, error: error?.message,
  }))

for (const [name, device] of Object.entries({ desktop, phone }))
  test(`photos become a film that plays, ${name}`, { skip }, async (t) => {
    const folder = scratch()
    const server = await Server.start(t, path.join(folder, 'data'))
    const { page, complaints } = await open(t, server.page, device)
    await shown(page, 'empty')
    // Ten files: the natural order puts 2 before 10.
    const files = photos().slice(0, 10).map((photo, i) => {
      const file = path.join(folder, `photo ${i + 1}.jpg`)
      copyFileSync(photo, file)
      return file
    })
    await choose(page, files)
    await shown(page, 'compose')
    assert.equal(await page.textContent('#compose-title'), '10 photos')
    const names = await page.locator('#grid .name').allTextContents()
    assert.deepEqual(names.slice(0, 9), Array.from({ length: 9 }, (_, i) => `photo ${i + 1}.jpg`))
    await page.locator('#grid img').first().waitFor()

    await page.getByRole('button', { name: 'Remove photo 3.jpg' }).click()
    assert.equal(await page.textContent('#compose-title'), '9 photos')
    await page.getByRole('button', { name: 'Undo' }).click()
    assert.equal(await page.textContent('#compose-title'), '10 photos')

    await hold(page, 0.5)
    await page.getByRole('radio', { name: /^720p/ }).check()
    assert.equal(await page.textContent('#length'), '5 s')
    await page.click('#make')
    await shown(page, 'working')
    await shown(page, 'done')
    await until(async () => (await numbers(page)).videoWidth > 0, 'the film to load', 30)
    const film = await numbers(page)
    assert.equal(film.videoWidth, 1280)
    assert.equal(film.videoHeight, 720)
    assert.ok(Math.abs(film.duration - 5) < 0.05, `it lasts ${film.duration} s`)
    await page.$eval('#player', (player) => {
      player.muted = true
      return player.play()
    })
    await until(() => page.$eval('#player', ({ currentTime }) => currentTime > 0.3), 'the film to play', 30)
    const download = page.waitForEvent('download')
    await page.click('#download')
    const saved = path.join(folder, 'saved.mp4')
    await (await download).saveAs(saved)
    assert.match((await download).suggestedFilename(), /\.mp4$/)
    assert.deepEqual(complaints, [])
  })

test('the form says only what the schema takes', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page, complaints } = await open(t, server.page)
  const valid = settingsValidator()
  await choose(page, photos().slice(0, 3))
  await shown(page, 'compose')
  /** What the page would create; nothing is. */
  const sent = async () => {
    const request = page.waitForRequest((one) => one.method() === 'POST' && one.url().endsWith('/jobs'))
    await page.click('#make')
    const { settings } = (await request).postDataJSON()
    await page.locator('#make:enabled').waitFor()
    assert.ok(valid(settings), `${JSON.stringify(settings)}: ${JSON.stringify(valid.errors)}`)
    return settings
  }
  await page.route('**/jobs', (route) =>
    route.request().method() !== 'POST' ? route.continue() : route.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"title": "not now"}' }))

  assert.deepEqual(await sent(), { hold: 'frame' })
  assert.ok(await page.getByLabel('From photo to photo').isHidden(), 'a time-lapse has no transitions')
  await page.getByText('More', { exact: true }).click()
  await page.getByLabel('Even out flicker').selectOption('15')
  await page.getByLabel('Order of the photos').selectOption('captured')
  assert.deepEqual(await sent(), { hold: 'frame', deflicker: 15, order: 'captured' })

  await hold(page, 4)
  await page.getByLabel('From photo to photo').selectOption('wipe-left')
  await page.getByLabel('Seconds of the transition').fill('5')
  assert.equal(await page.textContent('#transition-duration-error'), 'Longer than a photo.')
  assert.equal(await page.textContent('#length'), '–')
  await page.click('#make')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'transition-duration')
  await page.getByLabel('Seconds of the transition').fill('0.5')
  await page.locator('#motion').selectOption('kenburns')
  await page.getByLabel('Text on each photo').selectOption('captured')
  await page.getByLabel('Where').selectOption('top-left')
  await page.getByLabel('Kind of file').selectOption('webm+vp9')
  await page.getByLabel('Photos of another shape').selectOption('blur')
  await page.getByLabel('Preview picture, at second').fill('2.5')
  assert.deepEqual(await sent(), {
    hold: 4, transition: 'wipe-left', 'transition-duration': 0.5, motion: 'kenburns', fit: 'blur',
    stamp: 'captured@top-left', poster: '2.5s', format: 'webm', codec: 'vp9', order: 'captured',
  })
  await page.getByLabel('Kind of file').selectOption('gif+gif')
  await page.getByLabel('Frames per second').fill('60')
  assert.equal(await page.textContent('#fps-error'), 'A GIF has at most 50.')
  await page.getByLabel('Frames per second').fill('25')
  await page.getByRole('radio', { name: /^One frame/ }).check()
  await page.getByLabel('Order of the photos').selectOption('name')
  await page.getByLabel('Preview picture, at second').fill('0')
  assert.deepEqual(await sent(), {
    hold: 'frame', fps: 25, fit: 'blur', stamp: 'captured@top-left', deflicker: 15, format: 'gif', codec: 'gif',
  })
  // Every word of every choice is one that the schema has.
  for (const select of await page.locator('#settings select').all())
    for (const value of await select.locator('option').evaluateAll((options) => options.map((one) => one.value))) {
      const name = await select.getAttribute('name')
      const words = name === 'kind' ? value.split('+') : [value]
      const settings = {
        kind: { format: words[0], codec: words[1] },
        'stamp-place': { stamp: `name@${value}` },
        deflicker: { deflicker: Number(value) || value },
      }[name] ?? { [name]: value }
      assert.ok(valid(settings), JSON.stringify(settings))
    }
  assert.deepEqual(complaints.filter((text) => !/Failed to load/.test(text)), [])
})

test('a text that calls itself a photo is named, and can be left out', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page } = await open(t, server.page)
  const text = path.join(folder, 'letter.jpg')
  writeFileSync(text, 'Dear reader, this is no photo.\n')
  await choose(page, [...photos().slice(0, 2), text])
  await shown(page, 'compose')
  await page.click('#make')
  await shown(page, 'failed')
  assert.equal(await page.textContent('#failed-title'), 'A photo could not be used')
  const refused = page.locator('#refused li')
  assert.equal(await refused.count(), 1)
  assert.equal(await refused.locator('b').textContent(), 'letter.jpg')
  const reason = await refused.locator('p').textContent()
  assert.match(reason, /^[A-Z].{10,}\.$/, 'the reason is a sentence')
  assert.doesNotMatch(reason, /\d{6}-|undefined|null/)
  await page.getByRole('button', { name: 'Leave it out' }).click()
  await shown(page, 'done')
  await until(async () => (await numbers(page)).duration > 0, 'the film to load', 30)
})

test('a reload while the film is made follows it', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'), ['--concurrency', '1'])
  const { page, complaints } = await open(t, server.page)
  await choose(page, photos().slice(0, 6))
  await shown(page, 'compose')
  await hold(page, 3)
  await page.getByRole('radio', { name: /^1080p/ }).check()
  await page.click('#make')
  await shown(page, 'working')
  await page.waitForFunction(
    () => /^6 of 6/.test(document.getElementById('sending-figures').textContent), undefined, { polling: 50 },
  )
  await page.reload()
  await shown(page, 'working')
  assert.ok(await page.locator('#unsent').isHidden())
  await shown(page, 'done', 300)
  await until(async () => (await numbers(page)).videoWidth > 0, 'the film to load', 30)
  assert.ok(Math.abs((await numbers(page)).duration - 18) < 0.05)
  // The finished film is still there after another reload.
  await page.reload()
  await shown(page, 'done')
  assert.deepEqual(complaints, [])
})

test('photos that a reload interrupted are named and sent again', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page } = await open(t, server.page)
  const files = photos().slice(0, 5)
  await choose(page, files)
  await shown(page, 'compose')
  await hold(page, 0.2)
  // The store takes the first photo only, as if the network were slow after it.
  await page.route(/\/images\//, (route) => {
    if (route.request().method() !== 'PUT' || /000000-/.test(route.request().url())) return route.continue()
    return undefined
  })
  await page.click('#make')
  await page.waitForFunction(() => /^1 of 5/.test(document.getElementById('sending-figures').textContent))
  page.on('dialog', (dialog) => dialog.accept())
  await page.reload()
  await shown(page, 'unsent')
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  assert.match(await page.textContent('#unsent-text'), /^4 photos were not sent/)
  await choose(page, files, '#choose-unsent')
  await shown(page, 'done')
})

test('a refused address is renewed, a lost connection is waited for', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page } = await open(t, server.page)
  const tries = new Map()
  await page.route(/\/images\//, (route) => {
    if (route.request().method() !== 'PUT') return route.continue()
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
  await choose(page, photos().slice(0, 3))
  await shown(page, 'compose')
  await page.click('#make')
  await shown(page, 'done')
  assert.equal(tries.size, 3)
  assert.ok(renewed >= 1, 'addresses were asked for again')
})

test('cancel gives the photos back', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'), ['--concurrency', '1'])
  const { page, complaints } = await open(t, server.page)
  await choose(page, photos().slice(0, 4))
  await shown(page, 'compose')
  await hold(page, 60)
  await page.getByRole('radio', { name: /^1080p/ }).check()
  await page.click('#make')
  await shown(page, 'working')
  const id = await page.evaluate(() => new URLSearchParams(location.hash.slice(1)).get('job'))
  await page.click('#cancel')
  await shown(page, 'compose')
  assert.equal(await page.textContent('#compose-title'), '4 photos')
  assert.equal((await server.end(id)).state, 'cancelled')
  assert.deepEqual(complaints, [])
})

test('a server with a token asks for it', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'), ['--token', 'open sesame'])
  const { page } = await open(t, server.page)
  await choose(page, photos().slice(0, 2))
  await shown(page, 'compose')
  await page.click('#make')
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('The server did not accept this token.').waitFor()
  await dialog.getByLabel('Token').fill('open sesame')
  await page.keyboard.press('Enter')
  await shown(page, 'done')
})

test('of two thousand photos only those near the window are drawn', { skip }, async (t) => {
  const folder = scratch()
  const server = await Server.start(t, path.join(folder, 'data'))
  const { page, complaints } = await open(t, server.page)
  const [photo] = photos()
  const files = Array.from({ length: 2000 }, (_, i) => {
    const file = path.join(folder, `${i}.jpg`)
    copyFileSync(photo, file)
    return file
  })
  await choose(page, files)
  await shown(page, 'compose')
  assert.equal(await page.textContent('#compose-title'), '2,000 photos')
  await page.locator('#grid img').first().waitFor()
  assert.ok((await page.locator('#grid li').count()) < 200, 'only rows near the window are there')
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
  await page.getByText('1999.jpg', { exact: true }).waitFor()
  assert.deepEqual(complaints, [])
})
