// The view of a finished film: player, facts, download.
import { getStatus } from './api.js'
import { announce, byId, enter, note, say, show } from './dom.js'
import { download } from './download.js'
import { length, size } from './words.js'

const output = (status, kind) => status.outputs.find((one) => one.kind === kind)

/** `mp4`, `webm`, …: what the film's address ends in. @param {string} url */
const ending = (url) => /\.(\w+)$/.exec(new URL(url, location.href).pathname)?.[1] ?? 'mp4'

const fileName = (url) => `film-${new Date().toISOString().slice(0, 10)}.${ending(url)}`

export class Done {
  #job
  #status
  #renewed = 0
  #loading = false

  /** @param {import('./api.js').Job} job @param {any} status @param {boolean} changeable photos are at hand */
  constructor(job, status, changeable) {
    this.#job = job
    this.#status = status
    const player = byId('player')
    player.onerror = () => this.#renew()
    byId('download').onclick = (event) => {
      event.preventDefault()
      this.#save()
    }
    show('change', changeable)
    note('done-notice', '')
    say('download', 'Download')
    this.#tell()
    this.#play()
    enter('done')
    announce('Your film is ready.')
  }

  close() {
    const player = byId('player')
    player.onerror = null
    player.pause()
    player.removeAttribute('src')
    player.load()
    byId('moving-picture').removeAttribute('src')
  }

  #tell() {
    const { seconds, width, height, bytes } = output(this.#status, 'video')
    say('facts', [length(seconds), `${width} × ${height}`, size(bytes)].join(' · '))
  }

  #play() {
    const video = output(this.#status, 'video')
    const poster = output(this.#status, 'poster')
    const isPicture = ending(video.url) === 'gif'
    const player = byId(isPicture ? 'moving-picture' : 'player')
    show('moving-picture', isPicture)
    show('player', !isPicture)
    player.width = video.width
    player.height = video.height
    if (poster?.url && !isPicture) player.poster = poster.url
    else player.removeAttribute('poster')
    player.src = video.url
    byId('download').href = video.url
  }

  /** Signed addresses end after a while: a player that was left alone gets new ones. */
  async #renew() {
    if (performance.now() - this.#renewed < 30_000 && this.#renewed > 0) {
      note('done-notice', 'The film could not be played here. It can isPicture be downloaded.')
      return
    }
    this.#renewed = performance.now()
    const at = byId('player').currentTime
    await this.#ask()
    this.#play()
    byId('player').currentTime = at
  }

  async #ask() {
    const { status } = await getStatus(this.#job)
    if (status?.state === 'done') this.#status = status
  }

  async #save() {
    if (this.#loading) return
    this.#loading = true
    note('done-notice', '')
    try {
      await this.#ask() // addresses may have ended meanwhile
      const { url, bytes } = output(this.#status, 'video')
      await download(url, bytes, fileName(url), (share) => say('download', `Downloading ${Math.floor(share * 100)} %`))
    } catch {
      note('done-notice', 'The film could not be downloaded. Please try again.')
    }
    say('download', 'Download')
    this.#loading = false
  }
}
