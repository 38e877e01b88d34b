// The page from outside: a browser chooses real photos, and a film plays. The whole way, on a desktop and
// on a phone, under every build; what is the page's own is in page_edit, page_faults and page_access.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import { choose, desktop, hold, open, openTab, phone, player, shown, skip } from './browser.mjs'
import { Server, photos, scratch, until } from './server.mjs'

for (const [name, device] of Object.entries({ desktop, phone }))
  test(`photos become a film that plays, ${name}`, { skip }, async (t) => {
    const folder = scratch()
    const server = await Server.start(t, path.join(folder, 'data'))
    const { page, complaints } = await open(t, server.page, device)
    await shown(page, 'start')
    // Ten files: the natural order puts 2 before 10.
    const files = photos().slice(0, 10).map((photo, i) => {
      const file = path.join(folder, `photo ${i + 1}.jpg`)
      copyFileSync(photo, file)
      return file
    })
    await choose(page, files)
    await shown(page, 'compose')
    assert.equal(await page.textContent('#compose-title'), '10 photos')
    const names = await page.locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('aria-label')))
    assert.deepEqual(names.slice(0, 9), Array.from({ length: 9 }, (_, i) => `photo ${i + 1}.jpg`))
    await page.locator('#grid img').first().waitFor()

    await page.locator('.tile').nth(2).click()
    await page.click('#photo-remove')
    assert.equal(await page.textContent('#compose-title'), '9 photos')
    await page.click('#undo')
    assert.equal(await page.textContent('#compose-title'), '10 photos')

    await hold(page, 0.5)
    await page.locator('#transition').selectOption('none')
    await page.getByRole('radio', { name: /^720p/ }).check()
    assert.equal(await page.textContent('#length'), '5 s')
    await page.click('#make')
    await shown(page, 'making')
    await shown(page, 'done')
    await until(async () => (await player(page)).videoWidth > 0, 'the film to load', 30)
    const film = await player(page)
    assert.equal(film.videoWidth, 1280)
    assert.equal(film.videoHeight, 720)
    assert.ok(Math.abs(film.duration - 5) < 0.05, `it lasts ${film.duration} s`)
    await page.$eval('#player', (video) => {
      video.muted = true
      return video.play()
    })
    await until(() => page.$eval('#player', ({ currentTime }) => currentTime > 0.3), 'the film to play', 30)
    const download = page.waitForEvent('download')
    await page.click('#download')
    await (await download).saveAs(path.join(folder, 'saved.mp4'))
    assert.match((await download).suggestedFilename(), /\.mp4$/)

    // It is among the films, with its poster, also after a reload.
    await page.click('#to-films')
    await page.reload()
    await shown(page, 'films')
    const card = page.locator('#films-list a')
    assert.equal(await card.count(), 1)
    await card.locator('img').waitFor()
    assert.equal(await card.locator('.state').textContent(), '5 s')
    await card.click()
    await shown(page, 'done')
    assert.deepEqual(complaints, [])
  })
