// Pictures of the page's states, on a desktop and a phone, light and dark, from a real server with real
// photos.  usage: node tests/system/screenshots.mjs FOLDER
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { choose, desktop, hold, open, openTab, phone, shown } from './browser.mjs'
import { Server, photos, scratch } from './server.mjs'

const output = path.resolve(process.argv[2] ?? 'docs/screenshots')
const kinds = {
  'desktop-light': { ...desktop, colorScheme: 'light' },
  'desktop-dark': { ...desktop, colorScheme: 'dark' },
  'phone-light': { ...phone, colorScheme: 'light' },
  'phone-dark': { ...phone, colorScheme: 'dark' },
}
const cleaning = []
const t = { after: (run) => cleaning.push(run) }

/** WebP keeps them small; the browser makes it. */
async function picture(page, name) {
  await page.evaluate(() => Promise.all(document.getAnimations().filter(({ effect }) => effect.getTiming().iterations === 1).map(({ finished }) => finished.catch(() => {}))))
  const png = (await page.screenshot()).toString('base64')
  const webp = await page.evaluate(async (png) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (c) => c.charCodeAt(0))], { type: 'image/png' }))
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    canvas.getContext('2d').drawImage(bitmap, 0, 0)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })).arrayBuffer())
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  }, png)
  writeFileSync(path.join(output, `${name}.webp`), Buffer.from(webp, 'base64'))
}

const pictures = (page) => page.waitForFunction(() => document.querySelectorAll('.tile img').length >= Math.min(9, document.querySelectorAll('.tile').length))

async function views(kind, device, files, bad) {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const { page } = await open(t, server.page, { ...device, reducedMotion: 'reduce' })
  const take = (view) => picture(page, `${view}-${kind}`)
  await shown(page, 'start')
  await take('start')
  await choose(page, files)
  await pictures(page)
  await take('photos')
  await page.locator('.tile').nth(1).click()
  await page.locator('#photo-caption').fill('Morning, before the others were up')
  await page.locator('#photo-hold').fill('5')
  await page.keyboard.press('Enter')
  await take('selected')
  await page.click('#photo-none')
  await openTab(page, 'film')
  await page.click('[data-preset=story]')
  await page.$eval('#preview-at', (range) => {
    range.value = '4.6'
    range.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await page.waitForTimeout(600)
  await take('film')
  await hold(page, 1.5)
  await page.getByRole('radio', { name: /^720p/ }).check()
  await page.click('#make')
  await page.waitForFunction(() => document.getElementById('rendering').value > 0.2)
  await take('making')
  await shown(page, 'done')
  await page.waitForFunction(() => document.getElementById('player').readyState >= 2)
  await take('done')
  await page.click('#another')
  await choose(page, [...files.slice(0, 3), bad])
  await page.click('#make')
  await shown(page, 'problem')
  await page.locator('#refused li').first().waitFor()
  await take('problem')
  await page.click('#to-films')
  await page.locator('#films-list img').first().waitFor()
  await take('films')
}

mkdirSync(output, { recursive: true })
const folder = scratch()
const names = ['drop', 'leaf', 'dunes', 'poppy', 'marigold', 'meadow', 'ladybird', 'dew', 'rain', 'dandelion', 'sand', 'sunflower']
const files = photos().map((photo, i) => {
  const file = path.join(folder, `${names[i] ?? i}.jpg`)
  copyFileSync(photo, file)
  return file
})
const bad = path.join(folder, 'unfinished download.jpg')
writeFileSync(bad, 'no photo at all\n')
try {
  for (const [kind, device] of Object.entries(kinds)) await views(kind, device, files, bad)
  const server = await Server.start(t, path.join(scratch(), 'data'), ['--token', 'secret'])
  const { page } = await open(t, server.page, kinds['desktop-light'])
  await shown(page, 'sign-in')
  await picture(page, 'sign-in-desktop-light')
} finally {
  for (const run of cleaning.reverse()) await run()
}
console.log(`screenshots are in ${output}`)
process.exit(0)
