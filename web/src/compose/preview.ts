// The film's first seconds, drawn on a canvas as one edits: the settings' shape, order, holds, transitions
// and movement, with small pictures. Only roughly what the server makes, and the page says so.
import type { Photo } from '../album/album.ts'
import { byId, framed, icon, input, onClick, say } from '../dom.ts'
import type { Settings } from '../net/types.ts'
import { bitmapOf } from '../pictures/pool.ts'
import { place, t } from '../words/words.ts'
import { secondsOf, type Timing } from './timing.ts'

const SECONDS = 20
const WIDTH = 640
const MAX_BITMAPS = 72
const AHEAD = 4
/** How much the movements magnify, and how far they go. */
const ZOOM = 1.12
const shapes: Record<string, [number, number]> = { square: [1, 1], vertical: [9, 16] }

export interface Scene {
  photos: readonly Photo[]
  settings: Settings
  timing: Timing
}

export class Preview {
  #canvas = byId<HTMLCanvasElement>('preview')
  #scene: Scene = { photos: [], settings: {}, timing: { holds: [], fps: 30 } }
  #starts: number[] = []
  #length = 0
  #at = 0
  #playing = false
  #last = 0
  /** By file: a photo that is turned or moved keeps its picture. The oldest first. */
  #bitmaps = new Map<File, ImageBitmap | null>()
  #asked = new Set<File>()
  #redraw = framed(() => this.#draw())

  constructor() {
    onClick('preview-play', () => this.play(!this.#playing))
    input('preview-at').addEventListener('input', ({ target }) => {
      this.play(false)
      this.#at = (target as HTMLInputElement).valueAsNumber
      this.#redraw()
    })
  }

  set(scene: Scene) {
    this.#scene = scene
    this.#starts = []
    let start = 0
    for (const hold of scene.timing.holds) {
      this.#starts.push(start)
      start += hold
      if (start > SECONDS + 2) break
    }
    this.#length = Math.min(SECONDS, secondsOf(scene.timing))
    this.#at = Math.min(this.#at, this.#length)
    const bar = input('preview-at')
    bar.max = String(this.#length || 1)
    const there = new Set(scene.photos.map(({ file }) => file))
    for (const [file, bitmap] of this.#bitmaps)
      if (!there.has(file)) {
        bitmap?.close()
        this.#bitmaps.delete(file)
      }
    this.#redraw()
  }

  play(on: boolean) {
    this.#playing = on && this.#length > 0
    const button = byId('preview-play')
    button.replaceChildren(icon(this.#playing ? 'halt' : 'play'))
    button.setAttribute('aria-label', t(this.#playing ? 'preview.halt' : 'preview.play'))
    if (!this.#playing) return
    if (this.#at >= this.#length - 0.05) this.#at = 0
    this.#last = performance.now()
    requestAnimationFrame(this.#tick)
  }

  #tick = (now: number) => {
    if (!this.#playing) return
    this.#at += Math.max(0, now - this.#last) / 1000
    this.#last = now
    if (this.#at >= this.#length) {
      this.#at = this.#length
      this.play(false)
    }
    this.#draw()
    if (this.#playing) requestAnimationFrame(this.#tick)
  }

  #shape(): [number, number] {
    const size = String(this.#scene.settings.size ?? 'auto')
    if (shapes[size]) return shapes[size]
    const first = this.#pictureOf(0)
    const photo = this.#scene.photos[0]
    if (size !== 'auto' || !first || !photo) return [16, 9]
    return photo.rotate % 180 === 0 ? [first.width, first.height] : [first.height, first.width]
  }

  /** A photo's picture; asks for it where it is not there yet. */
  #pictureOf(index: number): ImageBitmap | null {
    const photo = this.#scene.photos[index]
    if (!photo) return null
    const { file, name } = photo
    const known = this.#bitmaps.get(file)
    if (known !== undefined || this.#asked.has(file)) return known ?? null
    this.#asked.add(file)
    void bitmapOf(file, name, WIDTH).then((bitmap) => {
      this.#asked.delete(file)
      this.#bitmaps.set(file, bitmap)
      if (this.#bitmaps.size > MAX_BITMAPS) {
        const [oldest, picture] = this.#bitmaps.entries().next().value!
        picture?.close()
        this.#bitmaps.delete(oldest)
      }
      if (!this.#playing) this.#redraw()
    })
    return null
  }

  /** The last picture up to this photo that is there: a film that stutters says more than a black one. */
  #nearest(index: number) {
    const exact = this.#pictureOf(index)
    if (exact) return { bitmap: exact, index }
    for (let i = index - 1; i >= Math.max(0, index - 24); i--) {
      const bitmap = this.#bitmaps.get(this.#scene.photos[i]!.file)
      if (bitmap) return { bitmap, index: i }
    }
    return null
  }

  #draw() {
    const [x, y] = this.#shape()
    const scale = WIDTH / Math.max(x, y)
    const [width, height] = [Math.round(x * scale), Math.round(y * scale)]
    const canvas = this.#canvas
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width
      canvas.height = height
    }
    const at = Math.min(this.#at, Math.max(0, this.#length - 1e-6))
    let index = this.#starts.findLastIndex((start) => start <= at)
    if (index < 0) index = 0
    const context = canvas.getContext('2d')!
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.globalAlpha = 1
    context.fillStyle = String(this.#scene.settings.background ?? '#000')
    context.fillRect(0, 0, width, height)
    this.#drawMoment(context, index, at)
    for (let ahead = 1; ahead <= AHEAD; ahead++) this.#pictureOf(index + ahead)
    input('preview-at').value = String(this.#at)
    say('preview-time', `${place(this.#at)} / ${place(this.#length)}`)
  }

  #drawMoment(context: CanvasRenderingContext2D, index: number, at: number) {
    const { settings } = this.#scene
    const kind = String(settings.transition ?? 'none')
    const lasts = kind === 'none' ? 0 : Number(settings['transition-duration'] ?? 1)
    const since = at - (this.#starts[index] ?? 0)
    const share = index > 0 && since < lasts ? since / lasts : 1
    if (share >= 1) return this.#drawPhoto(context, index, at)
    const { width, height } = context.canvas
    if (kind === 'fadeblack' || kind === 'fadewhite') {
      this.#drawPhoto(context, share < 0.5 ? index - 1 : index, at)
      context.globalAlpha = 1 - Math.abs(share * 2 - 1)
      context.fillStyle = kind === 'fadeblack' ? '#000' : '#fff'
      context.fillRect(0, 0, width, height)
      context.globalAlpha = 1
      return
    }
    this.#drawPhoto(context, index - 1, at)
    context.save()
    const [way, direction] = kind.split('-')
    if (way === 'crossfade') context.globalAlpha = share
    const left = { left: width * (1 - share), right: -width * (1 - share) }[direction ?? ''] ?? 0
    const top = { up: height * (1 - share), down: -height * (1 - share) }[direction ?? ''] ?? 0
    if (way === 'slide') context.translate(left, top)
    context.beginPath()
    if (way === 'wipe') context.rect(left, top, width, height)
    else context.rect(0, 0, width, height)
    context.clip()
    if (way === 'slide') {
      context.fillStyle = String(settings.background ?? '#000')
      context.fillRect(0, 0, width, height)
    }
    this.#drawPhoto(context, index, at)
    context.restore()
  }

  #drawPhoto(context: CanvasRenderingContext2D, index: number, at: number) {
    const found = this.#nearest(index)
    if (!found) return
    const { photos, settings, timing } = this.#scene
    const photo = photos[found.index]!
    const { bitmap } = found
    const { width, height } = context.canvas
    const turned = photo.rotate % 180 !== 0
    const [w, h] = turned ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height]
    const whole = Math.min(width / w, height / h)
    const full = Math.max(width / w, height / h)
    const fit = String(settings.fit ?? 'contain')
    const put = (sx: number, sy: number, filter = '') => {
      context.save()
      context.translate(width / 2, height / 2)
      if (filter) context.filter = filter
      context.scale(sx, sy)
      context.rotate((photo.rotate * Math.PI) / 180)
      context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2)
      context.restore()
    }
    context.save()
    if (fit === 'blur') put(full * 1.15, full * 1.15, 'blur(14px)')
    this.#camera(context, String(settings.motion ?? 'none'), index, (at - (this.#starts[index] ?? 0)) / (timing.holds[index] || 1))
    if (fit === 'stretch') put(width / w, height / h)
    else put(fit === 'cover' ? full : whole, fit === 'cover' ? full : whole)
    context.restore()
    if (photo.caption) this.#drawCaption(context, photo.caption)
  }

  /** Where the camera is, `share` of the photo's time through. */
  #camera(context: CanvasRenderingContext2D, motion: string, index: number, share: number) {
    if (motion === 'none') return
    const names = ['zoom-in', 'pan-left', 'zoom-out', 'pan-right']
    const way = motion === 'kenburns' ? names[index % names.length]! : motion
    const s = Math.min(1, Math.max(0, share))
    const zoom = way === 'zoom-in' ? 1 + (ZOOM - 1) * s : way === 'zoom-out' ? ZOOM - (ZOOM - 1) * s : ZOOM
    const { width, height } = context.canvas
    const far = (ZOOM - 1) / 2
    const x = way === 'pan-left' ? far * (2 * s - 1) : way === 'pan-right' ? far * (1 - 2 * s) : 0
    const y = way === 'pan-up' ? far * (2 * s - 1) : way === 'pan-down' ? far * (1 - 2 * s) : 0
    context.translate(width / 2 + x * width, height / 2 + y * height)
    context.scale(zoom, zoom)
    context.translate(-width / 2, -height / 2)
  }

  #drawCaption(context: CanvasRenderingContext2D, caption: string) {
    const { width, height } = context.canvas
    const size = Math.round(height / 18)
    context.font = `500 ${size}px 'Noto Sans', system-ui, sans-serif`
    context.textAlign = 'center'
    context.fillStyle = '#fff'
    context.shadowColor = 'rgb(0 0 0 / 70%)'
    context.shadowBlur = size / 3
    context.fillText(caption, width / 2, height - size * 1.1, width * 0.92)
    context.shadowBlur = 0
  }
}
