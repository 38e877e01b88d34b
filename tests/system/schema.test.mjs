// The JSON Schemas that are given out, held against a validator that others use, and against the program.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { componentValidator, settingsValidator } from './schema.mjs'
import { photos, scratch, tachyscope } from './server.mjs'

const good = [
  {}, { fps: 25 }, { fps: '24000/1001', hold: 2.5 }, { transition: 'crossfade', 'transition-duration': 0.5 },
  { codec: 'prores' }, { format: 'webm', codec: 'av1' }, { audio: 'a.mp3', 'audio-gain': -6, 'audio-loop': true },
  { hold: 'music', audio: 'a.mp3' }, { stamp: 'name@top', watermark: 'logo.png' }, { deflicker: 15, seed: 7 },
]
const bad = [
  { fsp: 25 }, { fps: 0 }, { fps: '121x' }, { hold: 0 }, { transition: 'wipe' }, { 'transition-duration': 1 },
  { codec: 'prores', format: 'mp4' }, { 'audio-loop': true }, { hold: 'music' }, { codec: 'gif', audio: 'a.mp3' },
  { stamp: 'name@middle' }, { deflicker: 1 }, { quality: 50.5 }, { motion: true }, { background: '#12345' },
]

test('the settings schema is one of draft 2020-12', () => {
  const valid = settingsValidator()
  for (const settings of good) assert.ok(valid(settings), JSON.stringify(settings))
  for (const settings of bad) assert.ok(!valid(settings), JSON.stringify(settings))
})

test("the API's description has the same", () => {
  const valid = componentValidator('Manifest')
  const manifest = (settings) => ({ version: 1, images: [{ name: '000001-a.jpg' }], settings })
  for (const settings of good) assert.ok(valid(manifest(settings)), JSON.stringify(settings))
  for (const settings of bad) assert.ok(!valid(manifest(settings)), JSON.stringify(settings))
  assert.ok(valid({
    version: 1,
    images: [{ name: 'a', size: 5, type: 'image/jpeg', hold: 3, motion: 'zoom-in', rotate: 90, caption: 'Grüße' }],
    assets: [{ name: 'song.mp3', size: 5, type: 'audio/mpeg' }],
  }))
  for (const image of [{ rotate: 45 }, { caption: '' }, { caption: 'a\nb' }, { motion: 'fast' }, { from: 'x' }])
    assert.ok(!valid({ version: 1, images: [{ name: 'a', ...image }] }), JSON.stringify(image))
})

test('receipts are as described', () => {
  const made = spawnSync(tachyscope, ['probe', '--json', ...photos().slice(0, 2)])
  assert.equal(made.status, 0)
  const valid = componentValidator('Receipt')
  for (const receipt of JSON.parse(made.stdout)) {
    // The path stands for the name there.
    const named = { ...receipt, name: path.basename(receipt.name) }
    assert.ok(valid(named), JSON.stringify(valid.errors))
  }
})

test('the command line takes and refuses the same', () => {
  const [photo] = photos()
  const folder = scratch()
  const words = (settings) => Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
  // What goes through is ended by an output in a folder that is not there.
  const run = (settings) =>
    spawnSync(tachyscope, ['render', path.resolve(photo), '-o', path.join(folder, 'none', `x.${settings.format ?? 'mp4'}`), ...words(settings)], { cwd: folder }).status
  for (const name of ['a.mp3', 'logo.png']) writeFileSync(path.join(folder, name), 'no sound, no picture')
  for (const settings of bad) assert.equal(run(settings), 2, JSON.stringify(settings))
  for (const settings of good) {
    if (settings.codec === 'prores') continue
    assert.equal(run(settings), 1, JSON.stringify(settings))
  }
})
