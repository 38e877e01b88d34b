// The view of a finished film: player, facts, download, link, share.
import { announce, byId, enter, make, note, onClick, say, show } from '../dom.ts'
import { getStatus } from '../net/api.ts'
import { download, fetchFile } from '../net/download.ts'
import { type Job, outputOf, type Output, type Receipt, type Status } from '../net/types.ts'
import { toast } from '../toast.ts'
import { counted, length, number, percent, reasonOf, sentence, shownName, size, t, until, usd } from '../words/words.ts'
import { recall, update } from './memory.ts'

const RENEW_MS = 30_000
const MAX_SHARED = 200_000_000

/** `mp4`, `webm`, …: what the film's address ends in. */
const endingOf = (video: Output) => video.format ?? /\.(\w+)$/.exec(new URL(video.url ?? '', location.href).pathname)?.[1] ?? 'mp4'

let open: Done | null = null
byId<HTMLDetailsElement>('warnings').addEventListener('toggle', () => void open?.readWarnings())
onClick('download', (event) => {
  event.preventDefault()
  void open?.save()
})
onClick('copy-link', () => void open?.copy())
onClick('share', () => void open?.share())

export class Done {
  #job
  #status
  #renewed = 0
  #loading = false

  /** @param changeable the photos are at hand */
  constructor(job: Job, status: Status, changeable: boolean) {
    this.#job = job
    this.#status = status
    open = this
    byId<HTMLVideoElement>('player').onerror = () => this.#renew()
    const known = recall(job.id)
    if (known && known.ended === 0) update(job.id, { ended: Date.now() })
    show('change', changeable)
    show('share', 'share' in navigator)
    note('done-notice', '')
    byId<HTMLDetailsElement>('warnings').open = false
    byId('warnings-list').replaceChildren()
    say('download', t('done.download'))
    this.#tell()
    this.#play()
    enter('done')
    announce(t('done.title'))
  }

  get #video() {
    return outputOf(this.#status, 'video')!
  }

  get #name() {
    const title = (recall(this.#job.id)?.title ?? '').replace(/[^\p{L}\p{N} _-]/gu, '').trim()
    return `${title || `film-${new Date().toISOString().slice(0, 10)}`}.${endingOf(this.#video)}`
  }

  close() {
    open = null
    const player = byId<HTMLVideoElement>('player')
    player.onerror = null
    player.pause()
    player.removeAttribute('src')
    player.load()
    byId('moving-picture').removeAttribute('src')
  }

  #tell() {
    const { images, cost, receipts } = this.#status
    const { seconds, width, height, bytes, expires_at } = this.#video
    const known = recall(this.#job.id)
    const took = known && known.ended > 0 ? (known.ended - known.created) / 1000 : 0
    const facts: [string, string][] = [
      [t('fact.length'), length(seconds ?? 0)],
      [t('fact.size'), `${width} × ${height}`],
      [t('fact.file'), `${endingOf(this.#video).toUpperCase()}, ${size(bytes)}`],
      [t('fact.photos'), images.expected ? number(images.expected) : ''],
      [t('fact.took'), took > 0 ? length(took) : ''],
      [t('fact.cost'), typeof cost?.usd === 'number' && cost.usd > 0 ? usd(cost.usd) : ''],
      [t('fact.until'), expires_at ? until(Date.parse(expires_at)) : ''],
    ]
    byId('facts').replaceChildren(
      ...facts.filter(([, value]) => value !== '').map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
    )
    show('warnings', receipts.warnings > 0 && receipts.url !== null)
    say('warnings-title', counted('done.warnings', receipts.warnings))
    byId('remarks').replaceChildren(
      ...(receipts.refused.length > 0 ? [make('li', {}, make('b', {}, counted('done.refused', receipts.refused.length)))] : []),
      ...receipts.refused.map(({ name, refused }) => make('li', {}, make('div', {}, make('b', {}, shownName(name)), make('p', {}, reasonOf(refused ?? ''))))),
    )
  }

  /** What was noticed about single photos: fetched when somebody wants to know. */
  async readWarnings() {
    const list = byId('warnings-list')
    if (!byId<HTMLDetailsElement>('warnings').open) return
    try {
      await this.#ask()
      const response = await fetch(this.#status.receipts.url ?? '')
      if (!response.ok) throw new Error(`status ${response.status}`)
      const receipts = (await response.json()) as Receipt[]
      const rows = receipts.flatMap(({ name, warnings }) => warnings.map((text) => make('li', {}, make('b', {}, shownName(name)), ` ${sentence(text)}`)))
      list.replaceChildren(...rows)
    } catch {
      list.replaceChildren(make('li', {}, t('done.not-loaded')))
    }
  }

  #play() {
    const video = this.#video
    const poster = outputOf(this.#status, 'poster')
    const still = endingOf(video) === 'gif'
    const player = byId<HTMLVideoElement | HTMLImageElement>(still ? 'moving-picture' : 'player')
    show('moving-picture', still)
    show('player', !still)
    player.width = video.width
    player.height = video.height
    if (player instanceof HTMLVideoElement) player.poster = poster?.url ?? ''
    player.src = video.url ?? ''
    byId<HTMLAnchorElement>('download').href = video.url ?? ''
  }

  /** Signed addresses end after a while: a player that was left alone gets new ones. */
  async #renew() {
    if (this.#renewed > 0 && performance.now() - this.#renewed < RENEW_MS) return note('done-notice', t('done.unplayable'))
    this.#renewed = performance.now()
    const player = byId<HTMLVideoElement>('player')
    const at = player.currentTime
    try {
      await this.#ask()
    } catch {
      return note('done-notice', t('done.not-loaded'))
    }
    this.#play()
    player.currentTime = at
  }

  async #ask() {
    const { status } = await getStatus(this.#job)
    if (status?.state === 'done') this.#status = status
    this.#tell()
  }

  #busy(share: number) {
    say('download', t('done.downloading', { share: percent(share) }))
  }

  /** What needs the file: with a fresh address, and one at a time. */
  async #with(run: (video: Output) => Promise<unknown>) {
    if (this.#loading) return
    this.#loading = true
    note('done-notice', '')
    try {
      await this.#ask()
      await run(this.#video)
    } catch (error) {
      if ((error as Error).name !== 'AbortError') note('done-notice', t('done.not-loaded'))
    }
    say('download', t('done.download'))
    this.#loading = false
  }

  save() {
    return this.#with((video) => download(video.url ?? '', video.bytes, this.#name, (share) => this.#busy(share)))
  }

  /** The film itself where the device takes it, else its address. */
  share() {
    return this.#with(async (video) => {
      const url = video.url ?? ''
      if (video.bytes <= MAX_SHARED) {
        const blob = await fetchFile(url, video.bytes, (share) => this.#busy(share))
        const files = [new File([blob], this.#name, { type: blob.type })]
        if (navigator.canShare?.({ files })) return navigator.share({ files })
      }
      return navigator.share({ url })
    })
  }

  async copy() {
    try {
      await this.#ask()
      await navigator.clipboard.writeText(this.#video.url ?? '')
      toast(t('done.copied', { time: until(Date.parse(this.#video.expires_at ?? '')) }))
    } catch {
      toast(t('done.not-copied'))
    }
  }
}
