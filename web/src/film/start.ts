// Creates a job: photos and settings become a manifest.
import { ownerToken, signIn } from '../access.ts'
import type { Photo } from '../album/album.ts'
import { uploadName } from '../album/order.ts'
import { enter } from '../dom.ts'
import { createJob, Problem } from '../net/api.ts'
import type { Manifest, ManifestImage, Settings } from '../net/types.ts'

const TRIES = 3
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The same call again while the network is at fault; the key makes sure that it is one job. */
async function create(manifest: Manifest, key: string) {
  for (let tries = 1; ; tries++) {
    try {
      return await createJob(manifest, key, ownerToken())
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.passing || tries === TRIES) throw problem
      await sleep(500 * 2 ** tries)
    }
  }
}

const isType = (type: string) => /^[!-~]+\/[!-~]+$/.test(type)

function imageOf(name: string, { file, hold, rotate, caption }: Photo): ManifestImage {
  return {
    name,
    size: file.size,
    ...(isType(file.type) ? { type: file.type } : {}),
    ...(hold === null ? {} : { hold }),
    ...(rotate === 0 ? {} : { rotate }),
    ...(caption === '' ? {} : { caption }),
  }
}

/** @param list in order */
export async function start(list: readonly Photo[], settings: Settings) {
  const photos = new Map(list.map((photo, place) => [uploadName(place, photo.name), photo]))
  const images = [...photos].map(([name, photo]) => imageOf(name, photo))
  const items = [...photos].map(([name, { file }]) => ({ name, file }))
  const key = crypto.randomUUID()
  for (;;) {
    try {
      const { job, uploads } = await create({ version: 1, images, settings }, key)
      return { job, uploads, items, photos }
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 401) throw problem
      // The token was taken back meanwhile.
      await signIn()
      enter('compose')
    }
  }
}
