// The view of a job under way: a bar for each phase, the time left, the photo that is being rendered.
import { announce, byId, enter, note, say } from './dom.js'
import { Pace } from './pace.js'
import { Stage } from './stage.js'
import { about, began, number, size } from './words.js'

const clamp = (value) => Math.min(1, Math.max(0, value))

export class Working {
  #pace = new Pace()
  #stage
  #phase = ''
  #status
  #upload
  #troubles = { status: '', upload: '' }

  /** @param {import('./upload.js').Upload | null} upload
   * @param {import('./photos.js').Photo[]} photos in their order; empty after a reload */
  constructor(upload, photos) {
    this.#stage = new Stage(photos)
    this.#status = undefined
    this.follow(upload)
    enter('working')
    this.#draw()
  }

  /** @param {import('./upload.js').Upload | null} upload */
  follow(upload) {
    this.#upload = upload
    this.#pace = new Pace()
    let due = false
    upload?.addEventListener('progress', () => {
      if (due) return
      due = true
      setTimeout(() => {
        due = false
        this.#pace.mark(upload.bytesSent)
        this.#draw()
      }, 100)
    })
  }

  /** @param {any} status */
  update(status) {
    this.#status = status
    this.#draw()
  }

  /** @param {'status' | 'upload'} what @param {string} text empty: it is over */
  trouble(what, text) {
    this.#troubles[what] = text
    this.#draw()
  }

  close() {
    this.#stage.close()
    document.title = 'Tachyscope'
  }

  #draw() {
    const sending = this.#drawSending()
    const rendering = this.#drawRendering()
    const finishing = this.#status?.state === 'finishing'
    this.#bar('finishing', finishing ? null : 0, finishing ? 'Putting the film together' : '')
    this.#enterPhase(finishing ? 'finishing' : sending < 1 ? 'sending' : 'rendering')
    say('left', this.#timeLeft(sending))
    const share = finishing ? 1 : this.#upload ? 0.4 * sending + 0.6 * rendering : rendering
    document.title = `${Math.floor(share * 100)} % – Tachyscope`
    const lost = this.#upload?.troubled ? 'The connection to the store is lost. Trying again…' : ''
    note('trouble', this.#troubles.upload || lost || (this.#troubles.status && `${this.#troubles.status} Trying again…`))
  }

  #drawSending() {
    const upload = this.#upload
    if (upload) {
      const share = upload.bytes > 0 ? upload.bytesSent / upload.bytes : 1
      const all = upload.sent === upload.count
      const speed = this.#pace.speed > 0 && !all ? ` · ${size(this.#pace.speed)}/s` : ''
      const bytes = all ? size(upload.bytes) : `${size(upload.bytesSent)} of ${size(upload.bytes)}${speed}`
      this.#bar('sending', share, `${number(upload.sent)} of ${number(upload.count)} · ${bytes}`)
      return all ? 1 : Math.min(share, 0.999)
    }
    const { expected, arrived } = this.#status?.images ?? {}
    if (!expected) {
      this.#bar('sending', 0, '')
      return 0
    }
    this.#bar('sending', arrived / expected, `${number(arrived)} of ${number(expected)}`)
    return arrived / expected
  }

  #drawRendering() {
    const { done = 0, total = 0 } = this.#status?.frames ?? {}
    const share = total > 0 ? clamp(done / total) : 0
    this.#bar('rendering', share, total > 0 ? `${number(done)} of ${number(total)} frames` : '')
    this.#stage.show(share)
    return share
  }

  /** @param {string} id @param {number | null} share null: nobody knows @param {string} figures */
  #bar(id, share, figures) {
    const bar = byId(id)
    if (share === null) bar.removeAttribute('value')
    else bar.value = clamp(share)
    say(`${id}-figures`, figures)
    byId(`phase-${id}`).classList.toggle('complete', share === 1)
    byId(`phase-${id}`).classList.toggle('waiting', share === 0)
  }

  #enterPhase(phase) {
    if (phase === this.#phase) return
    this.#phase = phase
    announce(`${byId(`${phase}-name`).textContent}…`)
  }

  #timeLeft(sending) {
    const upload = this.#upload
    if (this.#status?.state === 'finishing') return 'Nearly there'
    if (upload && sending < 1) {
      const { speed } = this.#pace
      return speed > 0 ? began(`${about((upload.bytes - upload.bytesSent) / speed)} left to send`) : 'Starting…'
    }
    if (this.#status && sending < 1) return 'Waiting for photos'
    const eta = this.#status?.eta_seconds
    return typeof eta === 'number' ? began(`${about(eta)} left`) : 'Starting…'
  }
}
