// A browser for the tests of the page: Debian's Chromium with an empty profile, and what a person does
// with the page in it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build, patience } from './server.mjs'

const executablePath = '/usr/bin/chromium'
/** Why the page cannot be tested here; false when it can. */
export const skip = !existsSync(executablePath)
  ? 'there is no chromium'
  : !existsSync(path.join(build, 'web/index.html')) && `there is no page in ${build}/web`
const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
]

export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
export const desktop = { viewport: { width: 1280, height: 800 } }

/** A page of a browser with an empty profile; `complaints` is what its console says. */
export async function open(t, url, device = desktop) {
  const { chromium } = await import('playwright-core')
  const profile = mkdtempSync(path.join(tmpdir(), 'tachyscope-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: flags,
    acceptDownloads: true,
    locale: 'en-GB',
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
  return { page, complaints, context }
}

export const shown = (page, view, seconds = 120) =>
  page.locator(`#${view}`).waitFor({ state: 'visible', timeout: seconds * 1000 * patience })

/** Chooses files by the picker, as a user does. */
export async function choose(page, files, button = '#choose') {
  const chooser = page.waitForEvent('filechooser')
  await page.click(button)
  await (await chooser).setFiles(files)
}

/** On a phone, photos and film are two tabs. */
export async function openTab(page, tab) {
  const button = page.locator(`#tab-${tab}`)
  if (await button.isVisible()) await button.click()
}

/** A slideshow of so many seconds a photo. */
export async function hold(page, seconds) {
  await openTab(page, 'film')
  await page.getByRole('radio', { name: /^Seconds/ }).check()
  await page.getByLabel('Seconds for each photo').fill(String(seconds))
}

/** What the player says of its film. */
export const player = (page) =>
  page.$eval('#player', ({ duration, videoWidth, videoHeight, error }) => ({
    duration, videoWidth, videoHeight, error: error?.message,
  }))
