// Films from outside: the same bytes however they are made, what players say of them, and images of
// every kind through the whole way.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  Server, boxes, ffprobe, has, load, manifestOf, patience, photos, run, scratch, upload,
} from './server.mjs'

const hash = (file) => createHash('sha256').update(readFileSync(file)).digest('hex')
const options = (settings) => Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])

/** Renders; gives the film's path. */
function render(folder, name, settings, images, more = []) {
  const film = path.join(folder, name)
  const { code, err } = run(['render', '--quiet', ...options(settings), ...more, '-o', film, ...images])
  assert.equal(code, 0, `${JSON.stringify(settings)}: ${err}`)
  return film
}

/** Small copies, so that the time goes into what is tested. */
function small(folder, count) {
  return photos().slice(0, count).map((file, i) => {
    const copy = path.join(folder, `${i}.jpg`)
    execFileSync('convert', [file, '-resize', '640x400!', '-quality', '92', copy])
    return copy
  })
}

/** Mean red, green and blue of a frame. */
function colourAt(film, frame) {
  const { stdout } = spawnSync('ffmpeg', [
    '-v', 'error', '-i', film, '-vf', `select=eq(n\\,${frame}),scale=1:1:flags=area,format=rgb24`,
    '-frames:v', '1', '-f', 'rawvideo', '-',
  ])
  return [...stdout]
}

const skip = !has('convert') && 'there is no ImageMagick'

test('one, two and eight threads give the same bytes, with every kind of setting', { skip }, () => {
  const folder = scratch()
  const images = small(folder, 5)
  const still = { size: '192x120', speed: 'fast', fps: 12, hold: 1.5 }
  const cases = [
    ['mp4', { ...still, transition: 'crossfade', 'transition-duration': 0.5, motion: 'kenburns', seed: 3 }],
    ['mp4', { ...still, transition: 'slide-left', fit: 'blur', stamp: 'name@top', 'held-frames': 'encoded' }],
    ['mp4', { size: '192x120', speed: 'fast', fps: 10, deflicker: 3, stamp: 'index', fit: 'cover' }],
    ['mp4', { ...still, codec: 'hevc', transition: 'fadeblack' }],
    ['mp4', { ...still, codec: 'av1', hold: 1 }],
    ['webm', { ...still, codec: 'vp9', hold: 1 }],
    ['mov', { ...still, codec: 'prores', hold: 0.5 }],
    ['gif', { ...still, transition: 'wipe-up' }],
  ]
  // A deflickered time-lapse that is long enough for several segments.
  const many = Array.from({ length: 12 }, () => images).flat()
  for (const [ending, settings] of cases) {
    const hashes = ['1', '2', '8'].map((threads) =>
      hash(render(folder, `${threads}.${ending}`, settings, settings.deflicker ? many : images,
        ['--threads', threads])))
    assert.equal(new Set(hashes).size, 1, JSON.stringify(settings))
  }
})

test('functions give the bytes of render, with transitions, motion, deflicker and text', { skip }, async (t) => {
  const folder = scratch()
  const images = small(folder, 6)
  const cases = [
    { size: '192x120', speed: 'fast', fps: 24, hold: 3, transition: 'crossfade', motion: 'kenburns', stamp: 'name' },
    { size: '192x120', speed: 'fast', fps: 12, hold: 2, deflicker: 5, fit: 'blur' },
  ]
  const server = await Server.start(t, path.join(folder, 'data'), ['--concurrency', '3'])
  for (const [i, settings] of cases.entries()) {
    const local = render(folder, `local${i}.mp4`, settings, images, ['--threads', '1'])
    const submitted = path.join(folder, `submitted${i}.mp4`)
    const submit = run(['submit', '--server', server.page, ...options(settings), '-o', submitted, ...images])
    assert.equal(submit.code, 0, submit.err + server.log)
    assert.equal(hash(submitted), hash(local), JSON.stringify(settings))
  }
})

test('every codec and format says what it is', { skip }, () => {
  const folder = scratch()
  const images = small(folder, 2)
  const cases = [
    ['mp4', 'h264', 'h264', 'avc1', 'yuv420p'], ['mp4', 'hevc', 'hevc', 'hvc1', 'yuv420p'],
    ['mp4', 'av1', 'av1', 'av01', 'yuv420p'], ['mp4', 'vp9', 'vp9', 'vp09', 'yuv420p'],
    ['mov', 'h264', 'h264', 'avc1', 'yuv420p'], ['mov', 'hevc', 'hevc', 'hvc1', 'yuv420p'],
    ['mov', 'prores', 'prores', 'apch', 'yuv422p10le'], ['webm', 'vp9', 'vp9', undefined, 'yuv420p'],
    ['webm', 'av1', 'av1', undefined, 'yuv420p'], ['gif', 'gif', 'gif', undefined, undefined],
  ]
  for (const [format, codec, name, tag, pixels] of cases) {
    const film = render(folder, `${codec}.${format}`,
      { codec, size: '160x100', speed: 'fast', fps: 10, hold: 1, transition: 'crossfade', 'transition-duration': 0.4 }, images)
    const { streams: [video] } = ffprobe(film)
    assert.equal(video.codec_name, name)
    assert.equal(Number(video.nb_read_frames), 20, `${codec} in ${format}`)
    assert.equal(Number(video.start_time), 0)
    if (tag) assert.equal(video.codec_tag_string, tag)
    if (!pixels) continue
    assert.equal(video.pix_fmt, pixels)
    const { color_range, color_space, color_transfer, color_primaries } = video
    assert.deepEqual({ color_range, color_space, color_transfer, color_primaries },
      { color_range: 'tv', color_space: 'bt709', color_transfer: 'bt709', color_primaries: 'bt709' })
    if (format !== 'webm') assert.deepEqual(boxes(readFileSync(film)), ['ftyp', 'moov', 'mdat'])
  }
})

const executablePath = '/usr/bin/chromium'
test('a browser plays and seeks MP4 and WebM', { skip: skip || (!existsSync(executablePath) && 'there is no chromium') }, async (t) => {
  const { chromium } = await import('playwright-core')
  const folder = scratch()
  const images = small(folder, 3)
  const profile = mkdtempSync(path.join(tmpdir(), 'tachyscope-browser-'))
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  t.after(async () => {
    await browser.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  const page = browser.pages()[0] ?? (await browser.newPage())
  const sound = path.join(folder, 'tone.wav')
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'sine=f=440:d=3', sound])
  for (const [codec, format] of [['h264', 'mp4'], ['av1', 'mp4'], ['vp9', 'mp4'], ['vp9', 'webm'], ['av1', 'webm']]) {
    const film = render(folder, `${codec}.${format}`,
      { codec, size: '160x100', speed: 'fast', fps: 20, hold: 1, transition: 'crossfade', 'transition-duration': 0.5, audio: sound }, images)
    const source = `data:video/${format};base64,${readFileSync(film).toString('base64')}`
    const seen = await page.evaluate(async (src) => {
      const video = document.createElement('video')
      const event = (name) => new Promise((resolve, reject) => {
        video.addEventListener(name, resolve, { once: true })
        video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true })
      })
      video.muted = true
      const loaded = event('loadeddata')
      video.src = src
      await loaded
      for (const time of [2.75, 0.25]) {
        const sought = event('seeked')
        video.currentTime = time
        await sought
      }
      const ended = event('ended')
      video.playbackRate = 4
      await video.play()
      await ended
      return { duration: video.duration, width: video.videoWidth, height: video.videoHeight,
        dropped: video.getVideoPlaybackQuality().corruptedVideoFrames }
    }, source)
    assert.ok(Math.abs(seen.duration - 3) < 0.03, `${codec} in ${format}: ${seen.duration} s`)
    assert.deepEqual([seen.width, seen.height, seen.dropped], [160, 100, 0])
  }
}, { timeout: 120_000 * patience })

test('images are taken in the order that is asked for', { skip: skip || (!has('exiftool') && 'there is no exiftool') }, () => {
  const folder = scratch()
  // Name, colour, time; 10 before 2 as text, after it as a number.
  const made = [
    ['photo 10.jpg', 'red', '2024:05:01 12:00:00', '500'],
    ['photo 2.jpg', 'lime', '2024:05:01 12:00:00', '25'],
    ['photo 1.jpg', 'blue', '2024:05:01 11:59:59', '900'],
    ['photo 3.png', 'white', undefined],
  ].map(([name, colour, time, fraction]) => {
    const file = path.join(folder, name)
    execFileSync('convert', ['-size', '64x48', `xc:${colour}`, file])
    if (time)
      execFileSync('exiftool', ['-q', '-overwrite_original', `-DateTimeOriginal=${time}`, `-SubSecTimeOriginal=${fraction}`, file])
    return file
  })
  const names = { '255,0,0': 'red', '0,255,0': 'lime', '0,0,255': 'blue', '255,255,255': 'white' }
  const shown = (order) => {
    const film = render(folder, `${order}.mp4`, { size: '64x48', fps: 5, hold: 1, order }, made)
    return [2, 7, 12, 17].map((frame) => names[colourAt(film, frame).map((c) => (c > 128 ? 255 : 0)).join()])
  }
  assert.deepEqual(shown('given'), ['red', 'lime', 'blue', 'white'])
  assert.deepEqual(shown('name'), ['blue', 'lime', 'white', 'red'])
  // A fraction of 25 is a quarter of a second: before the half.
  assert.deepEqual(shown('captured'), ['blue', 'lime', 'red', 'white'])
})

test('images of every kind in one job, under names that lie; their receipts', { skip }, async (t) => {
  const folder = scratch()
  const base = path.join(folder, 'base.png')
  execFileSync('convert', [photos()[0], '-resize', '320x200!', base])
  const made = [
    ['jpeg', 'a.png', (file) => execFileSync('convert', [base, `jpeg:${file}`])],
    ['png', 'b.jpg', (file) => {
      if (has('exiftool'))
        execFileSync('exiftool', ['-q', '-overwrite_original', '-n', '-Orientation=6', '-DateTimeOriginal=2024:05:01 12:33:44', base])
      execFileSync('cp', [base, file])
      execFileSync('convert', [photos()[0], '-resize', '320x200!', base])
    }],
    ['webp', 'c.heic', (file) => execFileSync('cwebp', ['-quiet', base, '-o', file]), 'cwebp'],
    ['tiff', 'd', (file) => execFileSync('convert', [base, '-compress', 'LZW', `tiff:${file}`])],
    ['bmp', 'e.txt', (file) => execFileSync('convert', [base, `bmp:${file}`])],
    ['gif', 'f.jpg', (file) => execFileSync('convert', [base, `gif:${file}`])],
    ['heic', 'g.jpg', (file) => execFileSync('heif-enc', ['-q', '60', base, '-o', file], { stdio: 'ignore' }), 'heif-enc'],
    ['avif', 'h.mov', (file) => execFileSync('avifenc', ['-s', '8', base, file], { stdio: 'ignore' }), 'avifenc'],
    ['jxl', 'i.jpeg', (file) => {
      execFileSync('cjxl', ['--quiet', base, `${file}.jxl`], { stdio: 'ignore' })
      execFileSync('mv', [`${file}.jxl`, file])
    }, 'cjxl'],
  ].filter(([, , , program]) => !program || has(program))
  const files = made.map(([, name, make]) => {
    const file = path.join(folder, name)
    make(file)
    return file
  })

  const probed = run(['probe', '--json', ...files])
  assert.equal(probed.code, 0, probed.err)
  assert.deepEqual(JSON.parse(probed.out).map(({ format }) => format), made.map(([format]) => format))
  const table = run(['probe', ...files]).out.trim().split('\n')
  assert.equal(table.length, files.length)
  table.forEach((line, i) => assert.match(line, new RegExp(`${made[i][1]} +${made[i][0]} +320x200`)))

  const server = await Server.start(t, path.join(folder, 'data'))
  const bytes = load(files)
  const job = await server.create(manifestOf(bytes, { size: '160x100', fps: 5, hold: 0.4, speed: 'fast' }))
  await upload(job, bytes)
  const status = await server.end(job.id)
  assert.equal(status.state, 'done', JSON.stringify(status))
  const receipts = await (await fetch(status.receipts.url)).json()
  assert.equal(receipts.length, files.length)
  receipts.forEach((receipt, i) => {
    assert.equal(receipt.format, made[i][0])
    assert.equal(receipt.bytes, bytes[Object.keys(bytes)[i]].length)
    assert.deepEqual([receipt.width, receipt.height], [320, 200])
    assert.equal(typeof receipt.scaling, 'string')
    assert.ok(receipt.decode_ms >= 0)
    assert.equal(receipt.refused, null)
  })
  if (has('exiftool')) {
    assert.equal(receipts[1].orientation, 6)
    assert.equal(receipts[1].captured, '2024-05-01T12:33:44')
  }
})

test('an image may have its own time, motion, turn and caption', { skip }, async (t) => {
  const folder = scratch()
  const files = load(small(folder, 3))
  const names = Object.keys(files)
  const server = await Server.start(t, path.join(folder, 'data'))
  const make = async (changes) => {
    const manifest = manifestOf(files, { size: '320x200', fps: 10, hold: 1, speed: 'fast' })
    Object.entries(changes).forEach(([i, change]) => Object.assign(manifest.images[i], change))
    const job = await server.create(manifest)
    await upload(job, files)
    const status = await server.end(job.id)
    assert.equal(status.state, 'done', JSON.stringify(status))
    const film = path.join(folder, `${job.id}.mp4`)
    writeFileSync(film, Buffer.from(await (await fetch(status.outputs.find(({ kind }) => kind === 'video').url)).arrayBuffer()))
    return { film, status }
  }
  const plain = await make({})
  const own = await make({
    0: { hold: 2.5 }, 1: { motion: 'zoom-in', caption: 'The second day · 第二天 · اليوم الثاني' }, 2: { rotate: 90 },
  })
  assert.equal(names.length, 3)
  assert.equal(plain.status.frames.total, 30)
  assert.equal(own.status.frames.total, 45)
  const picture = (film, frame, crop) => spawnSync('ffmpeg', ['-v', 'error', '-i', film, '-vf',
    `select=eq(n\\,${frame}),crop=${crop}`, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'gray', '-']).stdout
  const difference = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length
  // The first image alone stays as it is.
  assert.ok(difference(picture(plain.film, 5, '320:200'), picture(own.film, 5, '320:200')) < 2)
  // Letters at the foot, black at the sides of the picture that was turned.
  assert.ok(difference(picture(plain.film, 10, '320:24:0:170'), picture(own.film, 25, '320:24:0:170')) > 5)
  assert.ok(picture(own.film, 40, '60:200:0:0').every((value) => value < 24))
  // It moves: the first and the last frame of the second image differ.
  assert.ok(difference(picture(own.film, 25, '320:120:0:0'), picture(own.film, 34, '320:120:0:0')) > 1)
})
