// Selecting and moving photos with a pointer. A grid of which most elements do not exist is out of reach
// for the libraries that sort elements, so this moves photos in the album: a mouse drags at once, a
// finger after a long press (a short one scrolls), a line shows where they would go.
import type { Album } from '../album/album.ts'
import { make } from '../dom.ts'
import { number } from '../words/words.ts'
import type { Grid } from './grid.ts'

const FAR = 6 // pixels that a hand may tremble
const LONG_MS = 350
const EDGE = 70
const SPEED = 14

export class Drag {
  #list
  #album
  #grid
  #start: { x: number; y: number; id: number; touch: boolean } | null = null
  #timer = 0
  #ghost: HTMLElement | null = null
  #line = make('div', { class: 'line', hidden: true })
  #place = 0
  #at = { x: 0, y: 0 }
  #suppressed = false

  constructor(list: HTMLElement, album: Album, grid: Grid) {
    this.#list = list
    this.#album = album
    this.#grid = grid
    list.after(this.#line)
    list.addEventListener('pointerdown', (event) => this.#down(event))
    list.addEventListener('click', (event) => this.#click(event))
    list.addEventListener('contextmenu', (event) => {
      if (this.#start?.touch) event.preventDefault()
    })
    // Once a finger drags, it must not scroll as well.
    list.addEventListener('touchmove', (event) => this.#ghost && event.preventDefault(), { passive: false })
    addEventListener('pointermove', (event) => this.#move(event))
    addEventListener('pointerup', () => this.#end(true))
    addEventListener('pointercancel', () => this.#end(false))
    addEventListener('keydown', (event) => event.key === 'Escape' && this.#ghost && this.#end(false))
  }

  #click(event: MouseEvent) {
    const id = this.#grid.idOf(event.target)
    if (id < 0 || this.#suppressed) return
    const coarse = (event as PointerEvent).pointerType === 'touch'
    this.#grid.choose(id, { add: coarse || event.ctrlKey || event.metaKey, range: event.shiftKey })
  }

  #down(event: PointerEvent) {
    const id = this.#grid.idOf(event.target)
    this.#suppressed = false
    if (id < 0 || event.button !== 0 || !event.isPrimary) return
    const touch = event.pointerType === 'touch'
    this.#start = { x: event.clientX, y: event.clientY, id, touch }
    this.#at = { x: event.clientX, y: event.clientY }
    if (touch) this.#timer = window.setTimeout(() => this.#lift(), LONG_MS)
  }

  #move(event: PointerEvent) {
    if (!this.#start || !event.isPrimary) return
    this.#at = { x: event.clientX, y: event.clientY }
    const far = Math.hypot(event.clientX - this.#start.x, event.clientY - this.#start.y) > FAR
    if (!this.#ghost && far) {
      if (this.#start.touch) return this.#end(false)
      this.#lift()
    }
    this.#follow()
  }

  #dragged() {
    const { id } = this.#start!
    return this.#album.selected.has(id) ? new Set(this.#album.selected) : new Set([id])
  }

  #lift() {
    if (!this.#start || this.#ghost) return
    const { id, touch } = this.#start
    const tile = this.#list.querySelector<HTMLElement>(`[data-id="${id}"]`)
    if (!tile) return
    if (touch) navigator.vibrate?.(10)
    this.#suppressed = true
    const ghost = make('div', { class: 'ghost', 'aria-hidden': 'true' })
    ghost.style.width = ghost.style.height = `${this.#grid.layout.side}px`
    ghost.append(tile.querySelector('.picture')!.cloneNode(true))
    const count = this.#dragged().size
    if (count > 1) ghost.append(make('b', {}, number(count)))
    document.body.append(ghost)
    this.#ghost = ghost
    this.#list.classList.add('dragging')
    for (const one of this.#dragged()) this.#list.querySelector(`[data-id="${one}"]`)?.classList.add('lifted')
    this.#follow()
    this.#scroll()
  }

  #follow() {
    if (!this.#ghost) return
    const { x, y } = this.#at
    this.#ghost.style.transform = `translate(${x}px, ${y}px) translate(-50%, -55%)`
    const { columns, step, side } = this.#grid.layout
    const box = this.#list.getBoundingClientRect()
    const rtl = document.dir === 'rtl'
    const across = rtl ? box.right - x : x - box.left
    const total = this.#album.list.length
    const row = Math.min(Math.floor((total - 1) / columns), Math.max(0, Math.floor((y - box.top) / step)))
    const column = Math.min(columns, Math.max(0, Math.round(across / step)))
    this.#place = Math.min(total, row * columns + column)
    const shown = this.#place - row * columns
    const left = rtl ? box.width - shown * step + (step - side) / 2 : shown * step - (step - side) / 2
    this.#line.hidden = false
    this.#line.style.height = `${side}px`
    this.#line.style.transform = `translate(${this.#list.offsetLeft + left}px, ${this.#list.offsetTop + row * step}px)`
  }

  /** At the window's edges the page scrolls along. */
  #scroll() {
    if (!this.#ghost) return
    const { y } = this.#at
    const by = y < EDGE ? -SPEED : y > innerHeight - EDGE ? SPEED : 0
    if (by !== 0) {
      scrollBy(0, by)
      this.#follow()
    }
    requestAnimationFrame(() => this.#scroll())
  }

  #end(drop: boolean) {
    clearTimeout(this.#timer)
    if (this.#ghost && this.#start) {
      const ids = this.#dragged()
      this.#ghost.remove()
      this.#ghost = null
      this.#line.hidden = true
      this.#list.classList.remove('dragging')
      this.#list.querySelectorAll('.lifted').forEach((tile) => tile.classList.remove('lifted'))
      if (drop) this.#album.move(ids, this.#place)
    }
    this.#start = null
  }
}
