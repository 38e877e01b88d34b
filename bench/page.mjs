// How quick the page is in Debian's Chromium: the first interaction, 2,000 photos chosen, and scrolling
// through them, measured by the browser's own tracing.  usage: node bench/page.mjs [PHOTOS]
import { linkSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Server, photos, scratch } from '../tests/system/server.mjs'

const { chromium } = createRequire(new URL('../tests/system/package.json', import.meta.url))('playwright-core')
const count = Number(process.argv[2] ?? 2000)
const PIXELS = 12_000
const SPEED = 3000

/** Frames drawn, and by how much each came after the one before, while `run` runs. */
async function frames(session, run) {
  const events = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline.frame', 'devtools.timeline'] },
  })
  await run()
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve))
  await session.send('Tracing.end')
  await complete
  return events.filter(({ name }) => name === 'DrawFrame').map(({ ts }) => ts / 1000).sort((a, b) => a - b)
}

const cleaning = []
const folder = scratch()
const server = await Server.start({ after: (run) => cleaning.push(run) }, path.join(folder, 'data'))
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  await page.goto(server.page)
  await page.locator('#choose').waitFor({ state: 'visible' })
  console.log(`first interaction after ${Math.round(await page.evaluate(() => performance.now()))} ms`)

  mkdirSync(path.join(folder, 'many'))
  const some = photos()
  const files = Array.from({ length: count }, (_, i) => {
    const file = path.join(folder, 'many', `${i}.jpg`)
    linkSync(some[i % some.length], file)
    return file
  })
  await page.evaluate(() => {
    document.getElementById('files').addEventListener('change', () => (window.chosen = performance.now()), { capture: true, once: true })
    new MutationObserver((_, observer) => {
      if (document.querySelectorAll('.tile').length < 20) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => (window.usable = performance.now())))
    }).observe(document.getElementById('grid'), { childList: true })
  })
  await page.locator('#files').setInputFiles(files)
  await page.waitForFunction(() => window.usable)
  console.log(`${count} photos chosen: grid usable after ${Math.round(await page.evaluate(() => window.usable - window.chosen))} ms`)

  const session = await page.context().newCDPSession(page)
  const drawn = await frames(session, () =>
    session.send('Input.synthesizeScrollGesture', { x: 400, y: 500, yDistance: -PIXELS, speed: SPEED, gestureSourceType: 'mouse', preventFling: true }),
  )
  const seconds = PIXELS / SPEED
  const last = drawn.at(-1) ?? 0
  const scrolling = drawn.filter((at) => at > last - seconds * 1000)
  const gaps = scrolling.slice(1).map((at, i) => at - scrolling[i]).sort((a, b) => a - b)
  const rate = gaps.length / ((scrolling.at(-1) - scrolling[0]) / 1000)
  console.log(`scrolling while thumbnails are made: ${rate.toFixed(0)} frames a second, 95 of 100 within ${gaps[Math.floor(gaps.length * 0.95)].toFixed(0)} ms`)

  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  console.log(`script memory ${(usedSize / 1e6).toFixed(1)} MB, ${await page.locator('.tile').count()} tiles exist`)
} finally {
  await browser.close()
  for (const run of cleaning.reverse()) await run()
}
process.exit(0)
