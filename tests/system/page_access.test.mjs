// Who can use the page: signed in or not, by keyboard, by ear, in the dark, on a narrow screen, in another
// language; and how much there is to load.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { choose, desktop, open, openTab, phone, shown, skip as noPage } from './browser.mjs'
import { Server, build, patience, photos, root, scratch } from './server.mjs'

const skip = noPage || (patience > 1 && 'the page is the same under every build of the server')
const axeSource = path.join(root, 'tests/system/node_modules/axe-core/axe.min.js')
const web = path.join(build, 'web')

test('the page is small, whole and of one origin', { skip }, () => {
  const files = readdirSync(web)
  const first = files.filter((name) => /\.(js|css|html|svg)\.gz$/.test(name) && !name.startsWith('heic'))
  const bytes = first.reduce((sum, name) => sum + statSync(path.join(web, name)).size, 0)
  assert.ok(bytes < 250_000, `${bytes} bytes compressed`)
  const html = readFileSync(path.join(web, 'index.html'), 'utf8')
  assert.doesNotMatch(html, /<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|https?:/i, 'nothing inline, nothing from elsewhere')
})

test('the types of the page fit', { skip }, () => {
  execFileSync('node', [path.join(root, 'web/node_modules/typescript/bin/tsc'), '-p', path.join(root, 'web')], { encoding: 'utf8' })
})

/** What axe finds in the page as it is. */
async function violations(page, what) {
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  })
  assert.deepEqual(found, [], what)
}

/** Nothing sticks out sideways. */
async function fits(page, what) {
  // A phone widens its view to what sticks out: the screen's width is what counts.
  const over = (await page.evaluate(() => document.documentElement.scrollWidth)) - page.viewportSize().width
  assert.ok(over <= 0, `${what}: ${over} pixels too wide`)
}

for (const [name, device] of Object.entries({
  'desktop, light': { ...desktop, colorScheme: 'light' },
  'phone, dark': { ...phone, colorScheme: 'dark' },
}))
  test(`every view can be read and used, ${name}`, { skip }, async (t) => {
    const folder = scratch()
    const server = await Server.start(t, path.join(folder, 'data'))
    const { page } = await open(t, server.page, { ...device, reducedMotion: 'reduce', bypassCSP: true })
    const look = async (what) => {
      await page.addScriptTag({ path: axeSource })
      await violations(page, what)
      await fits(page, what)
    }
    await shown(page, 'start')
    await look('start')
    await choose(page, photos().slice(0, 4))
    await shown(page, 'compose')
    await page.locator('#grid img').first().waitFor()
    await look('photos')
    await page.locator('.tile').first().click()
    await look('a photo selected')
    await page.click('#photo-none')
    await openTab(page, 'film')
    await page.getByText('More settings', { exact: true }).click()
    await look('film')
    await page.getByLabel('Seconds for each photo').fill('0.4')
    await page.getByLabel('Seconds of the transition').fill('0.2')
    await page.click('#make')
    await shown(page, 'making')
    await look('making')
    await shown(page, 'done')
    await look('done')
    await page.click('#to-films')
    await page.locator('#films-list img').waitFor()
    await look('films')
    await page.getByLabel('Search').fill('no such film')
    await look('nothing found')
    await page.click('#new-film')
    const text = path.join(folder, 'letter.jpg')
    writeFileSync(text, 'Dear reader, this is no photo.\n')
    await openTab(page, 'photos')
    await choose(page, [text], '#add')
    await page.click('#make')
    await shown(page, 'problem')
    await look('problem')
    await page.click('#back')
    await page.locator('.tile.bad').click()
    await look('a bad photo selected')
  })

test('a server with a token asks for it first', { skip }, async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'), ['--token', 'open sesame'])
  const { page } = await open(t, server.page, { ...phone, bypassCSP: true })
  await shown(page, 'sign-in')
  await page.addScriptTag({ path: axeSource })
  await violations(page, 'sign-in')
  await fits(page, 'sign-in')
  await page.getByLabel('Token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('The server did not accept this token.').waitFor()
  await page.getByLabel('Token').fill('open sesame')
  await page.keyboard.press('Enter')
  await shown(page, 'start')
  await fits(page, 'start, signed in')
  await page.reload()
  await shown(page, 'start')
  await choose(page, photos().slice(0, 2))
  await page.click('#make')
  await shown(page, 'done')
  const link = page.url()
  assert.doesNotMatch(link, /sesame/)
  // Also a film that this browser has forgotten is listed, without the owner's token in its address.
  await page.evaluate(() => localStorage.clear())
  await page.click('#to-films')
  const href = await page.locator('#films-list a').getAttribute('href')
  assert.doesNotMatch(href, /sesame/)
  await page.locator('#films-list img').waitFor()
  await page.locator('#films-list a').click()
  await shown(page, 'done')
  await page.click('#sign-out')
  await shown(page, 'sign-in')
  // A film's own link shows that film, and nothing else.
  await page.goto(link)
  await page.reload()
  await shown(page, 'done')
})

test('the page speaks German', { skip }, async (t) => {
  const server = await Server.start(t, path.join(scratch(), 'data'))
  const { page } = await open(t, server.page, { ...phone, locale: 'de-DE' })
  await shown(page, 'start')
  assert.equal(await page.textContent('#start-title'), 'Aus Fotos wird ein Film')
  assert.equal(await page.getAttribute('html', 'lang'), 'de')
  await choose(page, photos().slice(0, 3))
  await fits(page, 'photos')
  await openTab(page, 'film')
  await fits(page, 'film')
  await page.locator('#language').selectOption('en')
  await shown(page, 'start')
  assert.equal(await page.textContent('#start-title'), 'Turn photos into a film')
})
