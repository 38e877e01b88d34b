// Creates a job: photos and settings become a manifest; asks for the owner's token where one is needed.
import { createJob, Problem } from './api.js'
import { uploadName } from './order.js'
import { askToken, ownerToken } from './token.js'

const TRIES = 3
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** The same call again while the network is at fault; the key makes sure that it is one job. */
async function create(manifest, key) {
  for (let tries = 1; ; tries++) {
    try {
      return await createJob(manifest, key, ownerToken())
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.passing || tries === TRIES) throw problem
      await sleep(500 * 2 ** tries)
    }
  }
}

/**
 * Resolves with null when the user gave no token.
 * @param {import('./photos.js').Photo[]} list in order @param {object} settings
 */
export async function start(list, settings) {
  const items = list.map((photo, place) => ({ name: uploadName(place, photo.name), file: photo.file, photo }))
  const images = items.map(({ name, file }) => ({
    name,
    size: file.size,
    ...(/^[!-~]+\/[!-~]+$/.test(file.type) ? { type: file.type } : {}),
  }))
  const key = crypto.randomUUID()
  for (;;) {
    try {
      const { job, uploads } = await create({ version: 1, images, settings }, key)
      return { job, uploads, items, photos: new Map(items.map(({ name, photo }) => [name, photo])) }
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 401) throw problem
      if (!(await askToken(ownerToken() !== ''))) return null
    }
  }
}
