// Builds the page: bundles script and style under hashed names and writes index.html last, so that a
// folder with an index.html is whole.  usage: node web/build.mjs OUTPUT_FOLDER
import { build } from 'esbuild'
import { mkdir, readFile, readdir, rename, rm, writeFile, copyFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { settingsForm } from './form.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const source = path.join(here, 'src')
const settingsSchema = path.join(here, '../docs/settings.schema.json')
const words = path.join(source, 'words')

const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'))

/** Texts of the licences of all packages that are part of the bundle. */
async function licences(inputs) {
  const folders = new Set()
  for (const file of Object.keys(inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)
    if (match) folders.add(match[1])
  }
  const texts = []
  for (const folder of [...folders].sort()) {
    const { name, version, license } = await readJson(path.join(here, folder, 'package.json'))
    const file = (await readdir(path.join(here, folder))).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? await readFile(path.join(here, folder, file), 'utf8') : `Licence: ${license}\n`
    texts.push(`${name} ${version}\n\n${text.trim()}\n`)
  }
  return texts.join(`\n${'-'.repeat(72)}\n\n`)
}

/** The catalogues, which must have the same keys and the same places to fill in. */
async function catalogues() {
  const all = {}
  for (const file of (await readdir(words)).filter((name) => name.endsWith('.json')))
    all[file.slice(0, -5)] = await readJson(path.join(words, file))
  const places = (text) => [...new Set(text.match(/\{\w+\}/g))].sort().join()
  for (const [tag, catalogue] of Object.entries(all)) {
    for (const key of Object.keys({ ...all.en, ...catalogue }))
      if (places(catalogue[key] ?? '?') !== places(all.en[key] ?? '?') || !catalogue[key] || !all.en[key])
        throw new Error(`words/${tag}.json: '${key}' is not as in en.json`)
  }
  return all
}

/** Every text that the HTML asks for must be there. */
function checkTexts(page, catalogue) {
  for (const [, key] of page.matchAll(/data-(?:t|t-[a-z-]+|error)="([^"]+)"/g))
    if (catalogue[key] === undefined) throw new Error(`index.html: there is no text '${key}'`)
}

/** A compressed twin, for clients that take it. */
async function compress(output, name) {
  const bytes = await readFile(path.join(output, name))
  await writeFile(path.join(output, `${name}.gz`), gzipSync(bytes, { level: 9 }))
}

async function removeFormer(output) {
  for (const name of await readdir(output))
    if (/^\w+-[A-Z0-9]{8}\.(js|css|svg|wasm)(\.gz)?$/.test(name)) await rm(path.join(output, name))
}

async function bundle(output) {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: [
      { in: 'src/main.ts', out: 'app' },
      { in: 'src/pictures/worker.ts', out: 'worker' },
      { in: 'src/style/app.css', out: 'app' },
    ],
    outdir: output,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.svg': 'file', '.wasm': 'file' },
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    // The decoder's loader also knows Node.
    external: ['fs', 'path', 'crypto', 'node:*'],
    target: ['chrome111', 'firefox115', 'safari16.4'],
    logLevel: 'warning',
  })
  return metafile
}

async function main(output) {
  await mkdir(output, { recursive: true })
  await removeFormer(output)
  const metafile = await bundle(output)
  const entryOf = (entry, ending) =>
    path.basename(Object.entries(metafile.outputs).find(([file, { entryPoint }]) => entryPoint === entry && file.endsWith(ending))[0])
  const { en } = await catalogues()
  const { basics, more } = settingsForm(await readJson(settingsSchema), en)
  const page = (await readFile(path.join(source, 'index.html'), 'utf8'))
    .replace('<!-- settings: basics -->', () => basics)
    .replace('<!-- settings: more -->', () => more)
    .replace('"app.css"', `"${entryOf('src/style/app.css', '.css')}"`)
    .replace('"app.js"', `"${entryOf('src/main.ts', '.js')}"`)
    .replace('"worker.js"', `"${entryOf('src/pictures/worker.ts', '.js')}"`)
  checkTexts(page, en)
  await copyFile(path.join(source, 'favicon.svg'), path.join(output, 'favicon.svg'))
  await writeFile(path.join(output, 'licences.txt'), await licences(metafile.inputs))
  await writeFile(path.join(output, 'index.html.new'), page)
  const files = Object.keys(metafile.outputs).map((file) => path.basename(file))
  for (const name of [...files, 'favicon.svg', 'licences.txt']) await compress(output, name)
  await rename(path.join(output, 'index.html.new'), path.join(output, 'index.html'))
  await compress(output, 'index.html')
}

if (process.argv.length !== 3) {
  console.error('usage: node web/build.mjs OUTPUT_FOLDER')
  process.exit(2)
}
await main(path.resolve(process.argv[2]))
