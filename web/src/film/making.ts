// The view of a job under way: a bar for each phase, the time left, the photo that is being rendered.
import type { Photo } from '../album/album.ts'
import { announce, byId, button, enter, note, onClick, say, show } from '../dom.ts'
import { Pace } from '../net/pace.ts'
import type { Status } from '../net/types.ts'
import type { Upload } from '../net/upload.ts'
import { about, number, percent, size, t } from '../words/words.ts'
import { Stage } from './stage.ts'

const DRAW_MS = 100
const clamp = (value: number) => Math.min(1, Math.max(0, value))

let pausing: Upload | null = null
onClick('pause', () => pausing?.pause(!pausing.paused))

export class Making {
  #pace = new Pace()
  #stage
  #phase = ''
  #status: Status | undefined
  #upload: Upload | null = null
  #trouble = ''

  /** @param photos in their order; empty after a reload */
  constructor(photos: readonly Photo[]) {
    this.#stage = new Stage(photos)
    pausing = null
    enter('making')
    this.#draw()
  }

  follow(upload: Upload) {
    this.#upload = pausing = upload
    this.#pace.reset()
    let due = false
    upload.addEventListener('progress', () => {
      if (due) return
      due = true
      setTimeout(() => {
        due = false
        this.#pace.mark(upload.bytesSent)
        this.#draw()
      }, DRAW_MS)
    })
    this.#draw()
  }

  update(status: Status) {
    this.#status = status
    this.#draw()
  }

  /** @param text '': it is over */
  trouble(text: string) {
    this.#trouble = text
    this.#draw()
  }

  close() {
    this.#stage.close()
    pausing = null
    document.title = 'Tachyscope'
  }

  #draw() {
    const upload = this.#upload
    const sending = this.#drawSending()
    const rendering = this.#drawRendering()
    const finishing = this.#status?.state === 'finishing'
    this.#bar('finishing', finishing ? null : 0, finishing ? t('making.joining') : '')
    this.#enterPhase(finishing ? 'finishing' : sending < 1 ? 'sending' : 'rendering')
    say('left', this.#timeLeft(sending))
    const share = finishing ? 1 : upload ? 0.4 * sending + 0.6 * rendering : rendering
    document.title = `${percent(Math.floor(share * 100) / 100)} – Tachyscope`
    const again = this.#trouble && `${this.#trouble} ${t('making.again')}`
    note('trouble', upload?.troubled && !upload.paused ? t('making.offline') : again)
    show('pause', upload !== null && upload.unsent.size > 0)
    say('pause', upload?.paused ? t('resume') : t('pause'))
  }

  #drawSending() {
    const upload = this.#upload
    if (upload) {
      const share = upload.bytes > 0 ? upload.bytesSent / upload.bytes : 1
      const all = upload.sent === upload.count
      const { speed } = this.#pace
      const moving = speed > 0 && !all && !upload.paused ? ` · ${size(speed)}/s` : ''
      const bytes = all ? size(upload.bytes) : t('figures.bytes', { n: size(upload.bytesSent), total: size(upload.bytes) }) + moving
      this.#bar('sending', share, t('figures.sent', { n: upload.sent, total: upload.count, bytes }))
      return all ? 1 : Math.min(share, 0.999)
    }
    const { expected, arrived } = this.#status?.images ?? { expected: 0, arrived: 0 }
    if (!expected) {
      this.#bar('sending', 0, '')
      return 0
    }
    this.#bar('sending', arrived / expected, t('figures.of', { n: arrived, total: expected }))
    return arrived / expected
  }

  #drawRendering() {
    const { done, total } = this.#status?.frames ?? { done: 0, total: 0 }
    const share = total > 0 ? clamp(done / total) : 0
    this.#bar('rendering', share, total > 0 ? t('figures.frames', { n: number(done), total: number(total) }) : '')
    this.#stage.show(share)
    return share
  }

  /** @param share null: nobody knows */
  #bar(id: string, share: number | null, figures: string) {
    const bar = byId<HTMLProgressElement>(id)
    if (share === null) bar.removeAttribute('value')
    else bar.value = clamp(share)
    say(`${id}-figures`, figures)
    byId(`phase-${id}`).classList.toggle('complete', share === 1)
    byId(`phase-${id}`).classList.toggle('waiting', share === 0)
  }

  #enterPhase(phase: string) {
    if (phase === this.#phase) return
    this.#phase = phase
    announce(`${byId(`${phase}-name`).textContent}…`)
  }

  #timeLeft(sending: number) {
    const upload = this.#upload
    if (this.#status?.state === 'finishing') return t('making.nearly')
    if (upload && sending < 1) {
      if (upload.paused) return t('making.paused')
      const { speed } = this.#pace
      return speed > 0 ? t('making.to-send', { time: about((upload.bytes - upload.bytesSent) / speed) }) : t('making.starting')
    }
    if (this.#status && sending < 1) return t('making.waiting')
    const eta = this.#status?.eta_seconds
    return typeof eta === 'number' ? t('making.left', { time: about(eta) }) : t('making.starting')
  }
}

/** While a cancel is under way, a second one would only confuse. */
export const lockCancel = (locked: boolean) => {
  button('cancel').disabled = locked
}
