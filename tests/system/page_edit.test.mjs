// Working on photos and film in the page: order, captions, settings, and what of it the API is sent.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { choose, desktop, hold, open, phone, shown, skip as noPage } from './browser.mjs'
import { settingsValidator } from './schema.mjs'
import { Server, has, patience, photos, scratch, until } from './server.mjs'

const skip = noPage || (patience > 1 && 'the page is the same under every build of the server')
const folder = scratch()
let server
const cleaning = []
before(async () => {
  if (!skip) server = await Server.start({ after: (run) => cleaning.push(run) }, path.join(folder, 'data'))
})
after(async () => {
  for (const run of cleaning.reverse()) await run()
})

/** The page with so many photos chosen, `1.jpg` and so on. */
async function composing(t, count, device = desktop) {
  const opened = await open(t, server.page, device)
  const files = photos().slice(0, count).map((photo, i) => {
    const file = path.join(folder, `${i + 1}.jpg`)
    copyFileSync(photo, file)
    return file
  })
  await choose(opened.page, files)
  await shown(opened.page, 'compose')
  return opened
}

const order = (page) => page.locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.title.replace('.jpg', '')).join(' '))

/** What the page would create; nothing is. */
async function sentBy(page) {
  await page.route('**/jobs', (route) =>
    route.request().method() !== 'POST'
      ? route.continue()
      : route.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"title": "not now"}' }),
  )
  return async () => {
    const request = page.waitForRequest((one) => one.method() === 'POST' && one.url().endsWith('/jobs'))
    await page.click('#make')
    const body = (await request).postDataJSON()
    await page.locator('#make:enabled').waitFor()
    return body
  }
}

test('the form says only what the schema takes', { skip }, async (t) => {
  const { page, complaints } = await composing(t, 3)
  const valid = settingsValidator()
  const send = await sentBy(page)
  const sent = async () => {
    const { settings } = await send()
    assert.ok(valid(settings), `${JSON.stringify(settings)}: ${JSON.stringify(valid.errors)}`)
    return settings
  }
  // A few photos begin as a slideshow.
  assert.deepEqual(await sent(), { hold: 3, transition: 'crossfade', size: '1080p', fit: 'blur' })
  await page.click('[data-preset=timelapse]')
  assert.deepEqual(await sent(), { hold: 'frame' })
  assert.ok(await page.getByLabel('From photo to photo').isHidden(), 'a time-lapse has no transitions')
  await page.getByText('More settings', { exact: true }).click()
  await page.getByLabel('Even out flicker').selectOption('15')
  assert.deepEqual(await sent(), { hold: 'frame', deflicker: 15 })

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
  await page.locator('#stamp-place').selectOption('top-left')
  await page.getByLabel('Kind of file').selectOption('webm+vp9')
  await page.getByLabel('Photos of another shape').selectOption('blur')
  await page.getByLabel('Preview picture, at second').fill('2.5')
  assert.deepEqual(await sent(), {
    hold: 4, transition: 'wipe-left', 'transition-duration': 0.5, motion: 'kenburns', fit: 'blur',
    stamp: 'captured@top-left', poster: '2.5s', format: 'webm', codec: 'vp9',
  })
  await page.getByLabel('Kind of file').selectOption('gif+gif')
  await page.getByLabel('Frames a second').fill('60')
  assert.equal(await page.textContent('#fps-error'), 'A GIF has at most 50.')
  await page.getByLabel('Frames a second').fill('25')
  await page.getByRole('radio', { name: /^One frame/ }).check()
  await page.getByLabel('Preview picture, at second').fill('0')
  assert.deepEqual(await sent(), {
    hold: 'frame', fps: 25, fit: 'blur', stamp: 'captured@top-left', deflicker: 15, format: 'gif', codec: 'gif',
  })
  // Every preset, and every word of every choice, is one that the schema has.
  for (const preset of await page.locator('[data-preset]').all()) {
    await preset.click()
    await sent()
  }
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

test('captions, holds and turns go into the manifest, and undo takes them back', { skip }, async (t) => {
  const { page } = await composing(t, 3)
  const send = await sentBy(page)
  await page.locator('.tile').nth(1).click()
  await page.locator('#photo-caption').fill('The sea')
  await page.keyboard.press('Enter')
  await page.locator('#photo-hold').fill('5')
  await page.keyboard.press('Enter')
  await page.click('#photo-turn')
  assert.equal(await page.textContent('#length'), '11 s', 'one photo stays longer')
  await page.keyboard.press('Escape')
  const { images } = await send()
  assert.deepEqual(images.map(({ name, hold: seconds, rotate, caption }) => ({ name, seconds, rotate, caption })), [
    { name: '000000-1.jpg', seconds: undefined, rotate: undefined, caption: undefined },
    { name: '000001-2.jpg', seconds: 5, rotate: 90, caption: 'The sea' },
    { name: '000002-3.jpg', seconds: undefined, rotate: undefined, caption: undefined },
  ])
  for (let i = 0; i < 3; i++) await page.keyboard.press('Control+z')
  assert.equal(await page.textContent('#length'), '9 s')
  assert.deepEqual(Object.keys((await send()).images[1]).sort(), ['name', 'size', 'type'])
})

test('photos are moved by mouse, by keyboard and by buttons', { skip }, async (t) => {
  const { page } = await composing(t, 6)
  assert.equal(await order(page), '1 2 3 4 5 6')
  const box = async (nth) => page.locator('.tile').nth(nth).boundingBox()
  const from = await box(0)
  const to = await box(3)
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2)
  await page.mouse.down()
  await page.mouse.move(to.x + to.width / 2, to.y + to.height / 2, { steps: 5 })
  await page.mouse.move(to.x + 4, to.y + to.height / 2, { steps: 3 })
  assert.ok(await page.locator('.line').isVisible(), 'a line shows the place')
  await page.mouse.up()
  await until(async () => (await order(page)) === '2 3 1 4 5 6', 'the photo to be moved', 10)
  assert.equal(await page.locator('#order').inputValue(), 'own')

  // Escape lets go of it where it was.
  await page.mouse.move(from.x + 20, from.y + 20)
  await page.mouse.down()
  await page.mouse.move(to.x, to.y + 20, { steps: 5 })
  await page.keyboard.press('Escape')
  await page.mouse.up()
  assert.equal(await order(page), '2 3 1 4 5 6')

  await page.locator('.tile').first().focus()
  await page.keyboard.press('Alt+ArrowRight')
  await until(async () => (await order(page)) === '3 2 1 4 5 6', 'the keyboard to move it', 10)
  assert.equal(await page.textContent('#announce'), 'Moved to place 2 of 6.')
  await page.keyboard.press('Space')
  await page.keyboard.press('End')
  await page.keyboard.press('Space')
  assert.equal(await page.textContent('#selection-count'), '2 selected')
  await page.click('#photo-earlier')
  await until(async () => (await order(page)) === '3 2 6 1 4 5' || (await order(page)) === '2 6 3 1 4 5', 'the button to move both', 10)
  await page.locator('.tile').first().focus()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await shown(page, 'start')
  await page.keyboard.press('Control+z')
  await shown(page, 'compose')
  await page.locator('#order').selectOption('name')
  await until(async () => (await order(page)) === '1 2 3 4 5 6', 'the order by name', 10)
})

test('photos come by drop and paste; what is no photo is left out and said', { skip }, async (t) => {
  const { page } = await composing(t, 1)
  const drop = (kind, names) =>
    page.evaluate(([kind, names]) => {
      const transfer = new DataTransfer()
      for (const name of names) transfer.items.add(new File(['x'.repeat(10)], name, { type: name.endsWith('.jpg') ? 'image/jpeg' : '' }))
      const event = kind === 'paste' ? new ClipboardEvent('paste', { clipboardData: transfer }) : new DragEvent('drop', { dataTransfer: transfer })
      dispatchEvent(event)
    }, [kind, names])
  await drop('drop', ['a.jpg', 'b.txt', '.hidden.jpg'])
  await until(async () => (await page.textContent('#compose-title')) === '2 photos', 'the dropped photo', 10)
  assert.equal(await page.textContent('#toast-text'), '2 files left out: not photos.')
  await drop('paste', ['c.heic'])
  await until(async () => (await page.textContent('#compose-title')) === '3 photos', 'the pasted photo', 10)
})

test('the time a photo was taken decides its place', { skip }, async (t) => {
  const { page } = await composing(t, 1)
  // EXIF by hand: a little-endian TIFF with an Exif folder of one DateTimeOriginal.
  const exif = (text) => {
    const tiff = Buffer.alloc(26 + 18 + 20)
    tiff.write('II*\0', 0, 'latin1')
    tiff.writeUInt32LE(8, 4)
    tiff.writeUInt16LE(1, 8)
    for (const [at, tag, type, n, value] of [[10, 0x8769, 4, 1, 26], [28, 0x9003, 2, 20, 44]]) {
      tiff.writeUInt16LE(tag, at)
      tiff.writeUInt16LE(type, at + 2)
      tiff.writeUInt32LE(n, at + 4)
      tiff.writeUInt32LE(value, at + 8)
    }
    tiff.writeUInt16LE(1, 26)
    tiff.write(text, 44, 'latin1')
    const body = Buffer.concat([Buffer.from('Exif\0\0'), tiff])
    const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, 0])
    head.writeUInt16BE(body.length + 2, 4)
    return Buffer.concat([head, body])
  }
  const jpeg = readFileSync(path.join(folder, '1.jpg')).subarray(2)
  const dated = (name, text) => {
    const file = path.join(folder, name)
    writeFileSync(file, Buffer.concat([exif(text), jpeg]))
    return file
  }
  await choose(page, [dated('a.jpg', '2024:05:01 12:00:00'), dated('b.jpg', '2001:01:01 00:00:00'), dated('c.jpg', '2010:07:09 10:00:00')], '#add')
  await page.locator('#order').selectOption('taken')
  await until(async () => /^b c a/.test(await order(page)), 'the order of capture', 10)
})

test('of two thousand photos only those near the window are drawn', { skip }, async (t) => {
  const { page, complaints } = await open(t, server.page, phone)
  const [photo] = photos()
  const files = Array.from({ length: 2000 }, (_, i) => {
    const file = path.join(folder, `many-${i}.jpg`)
    copyFileSync(photo, file)
    return file
  })
  await choose(page, files)
  await shown(page, 'compose')
  assert.equal(await page.textContent('#compose-title'), '2,000 photos')
  assert.equal(await page.getAttribute('[data-preset=timelapse]', 'aria-pressed'), 'true')
  assert.ok((await page.locator('.tile').count()) < 150)
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
  await page.getByRole('option', { name: 'many-1999.jpg' }).locator('img').waitFor()
  assert.ok((await page.locator('.tile').count()) < 150)
  assert.deepEqual(complaints, [])
})

test('a HEIC photo is shown, which Chromium itself cannot decode', { skip: skip || (!has('heif-enc') && 'there is no heif-enc') }, async (t) => {
  const { page, complaints } = await composing(t, 1)
  const png = path.join(folder, 'small.png')
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', path.join(folder, '1.jpg'), '-vf', 'scale=320:200', png])
  const heic = path.join(folder, 'small.heic')
  execFileSync('heif-enc', ['-q', '60', '-o', heic, png], { stdio: 'ignore' })
  await choose(page, [heic], '#add')
  const image = page.getByRole('option', { name: 'small.heic' }).locator('img')
  await image.waitFor()
  assert.ok((await image.evaluate(({ naturalWidth, naturalHeight }) => naturalWidth / naturalHeight)) > 1.5)
  assert.deepEqual(complaints, [])
})
