// Builds the page: bundles script and style under hashed names and writes index.html last, so that a
// folder with an index.html is whole.  usage: node web/build.mjs OUTPUT_FOLDER
import { build } from 'esbuild'
import { mkdir, readFile, readdir, rename, rm, writeFile, copyFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { settingsForm } from './form.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const source = path.join(here, 'src')
const settingsSchema = path.join(here, '../docs/settings.schema.json')

/** Texts of the licences of all packages that are part of the bundle. */
async function licences(inputs) {
  const folders = new Set()
  for (const file of Object.keys(inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)
    if (match) folders.add(match[1])
  }
  const texts = []
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(path.join(here, folder, 'package.json'), 'utf8'))
    const file = (await readdir(path.join(here, folder))).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file ? await readFile(path.join(here, folder, file), 'utf8') : `Licence: ${license}\n`
    texts.push(`${name} ${version}\n\n${text.trim()}\n`)
  }
  return texts.join(`\n${'-'.repeat(72)}\n\n`)
}

async function removeFormer(output) {
  for (const name of await readdir(output))
    if (/^\w+-[A-Z0-9]{8}\.(js|css|svg)$/.test(name)) await rm(path.join(output, name))
}

async function main(output) {
  await mkdir(output, { recursive: true })
  await removeFormer(output)
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: [
      { in: 'src/app.js', out: 'app' },
      { in: 'src/style/app.css', out: 'app' },
    ],
    outdir: output,
    entryNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.svg': 'file' },
    bundle: true,
    minify: true,
    metafile: true,
    format: 'esm',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    logLevel: 'warning',
  })
  const built = Object.keys(metafile.outputs).map((file) => path.basename(file))
  const { basics, more } = settingsForm(JSON.parse(await readFile(settingsSchema, 'utf8')))
  const page = (await readFile(path.join(source, 'index.html'), 'utf8'))
    .replace('<!-- settings: basics -->', () => basics)
    .replace('<!-- settings: more -->', () => more)
    .replace('app.css', built.find((name) => name.endsWith('.css')))
    .replace('app.js', built.find((name) => name.endsWith('.js')))
  await copyFile(path.join(source, 'favicon.svg'), path.join(output, 'favicon.svg'))
  await writeFile(path.join(output, 'licences.txt'), await licences(metafile.inputs))
  await writeFile(path.join(output, 'index.html.new'), page)
  await rename(path.join(output, 'index.html.new'), path.join(output, 'index.html'))
}

if (process.argv.length !== 3) {
  console.error('usage: node web/build.mjs OUTPUT_FOLDER')
  process.exit(2)
}
await main(path.resolve(process.argv[2]))
