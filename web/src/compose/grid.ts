// The grid of chosen photos. Only the rows near the window exist as elements, so that twenty thousand
// photos scroll like twenty. It is a list box: arrows walk, space selects, Alt and an arrow moves.
import type { Album, Photo } from '../album/album.ts'
import { announce, byId, framed, icon, make } from '../dom.ts'
import { forget, thumbnail, thumbnailNow } from '../pictures/thumbs.ts'
import { length, t } from '../words/words.ts'
import { Drag } from './drag.ts'

const GAP = 8
const SPARE_ROWS = 3
const narrow = matchMedia('(max-width: 859px)')

export interface Layout {
  columns: number
  side: number
  step: number
}

interface Tile {
  element: HTMLElement
  photo: Photo | null
}

export class Grid {
  #album
  #list = byId('grid')
  #tiles = new Map<number, Tile>()
  /** Where the keyboard is, by id. */
  #active = -1
  #anchor = -1
  layout: Layout = { columns: 3, side: 100, step: 108 }
  draw = framed(() => this.#draw())

  constructor(album: Album) {
    this.#album = album
    album.addEventListener('change', this.draw)
    album.addEventListener('select', this.draw)
    addEventListener('scroll', this.draw, { passive: true })
    new ResizeObserver(this.draw).observe(this.#list)
    this.#list.addEventListener('keydown', (event) => this.#key(event))
    this.#list.addEventListener('focusin', ({ target }) => {
      const id = this.idOf(target)
      if (id >= 0) this.#active = id
    })
    new Drag(this.#list, album, this)
  }

  /** The photo that an element belongs to; -1: none. */
  idOf(target: EventTarget | null) {
    const tile = target instanceof Element ? target.closest<HTMLElement>('[role=option]') : null
    return tile?.dataset.id ? Number(tile.dataset.id) : -1
  }

  /** What a click or tap on a photo does. */
  choose(id: number, { add, range }: { add: boolean; range: boolean }) {
    const { selected, list } = this.#album
    if (range && this.#anchor >= 0) {
      const [a, b] = [this.#placeOf(this.#anchor), this.#placeOf(id)]
      this.#album.select(list.slice(Math.min(a, b), Math.max(a, b) + 1).map((photo) => photo.id))
      return
    }
    this.#anchor = id
    if (!add) this.#album.select(selected.size === 1 && selected.has(id) ? [] : [id])
    else this.#album.select(selected.has(id) ? [...selected].filter((one) => one !== id) : [...selected, id])
  }

  #placeOf(id: number) {
    return this.#album.list.findIndex((photo) => photo.id === id)
  }

  #measure(width: number) {
    const least = narrow.matches ? 104 : 148
    const columns = Math.max(3, Math.floor((width + GAP) / (least + GAP)))
    const side = (width - GAP * (columns - 1)) / columns
    this.layout = { columns, side, step: side + GAP }
  }

  #draw() {
    const width = this.#list.clientWidth
    if (width === 0) return
    this.#measure(width)
    const { columns, step } = this.layout
    const all = this.#album.list
    const rows = Math.ceil(all.length / columns)
    this.#list.style.height = `${Math.max(0, rows * step - GAP)}px`
    const top = -this.#list.getBoundingClientRect().top
    const from = Math.max(0, Math.floor(top / step) - SPARE_ROWS) * columns
    const to = Math.min(all.length, Math.max(0, Math.ceil((top + innerHeight) / step) + SPARE_ROWS) * columns)
    if (this.#placeOf(this.#active) < 0) this.#active = all[0]?.id ?? -1
    this.#place(all, from, to)
  }

  #place(all: readonly Photo[], from: number, to: number) {
    const wanted = new Set(all.slice(from, to).map(({ id }) => id))
    wanted.add(this.#active) // the keyboard's place must not get lost
    for (const [id, tile] of this.#tiles) {
      if (wanted.has(id)) continue
      if (tile.photo) forget(tile.photo)
      tile.element.remove()
      this.#tiles.delete(id)
    }
    const active = this.#placeOf(this.#active)
    let before: Element | null = null
    const put = (place: number) => {
      const photo = all[place]
      if (!photo) return
      const element = this.#tileOf(photo, place, all.length)
      // The elements stand in the order of the photos, for the keyboard and for readers.
      const next: Element | null = before ? before.nextElementSibling : this.#list.firstElementChild
      if (element !== next) this.#list.insertBefore(element, next)
      before = element
    }
    if (active >= 0 && active < from) put(active)
    for (let place = from; place < to; place++) put(place)
    if (active >= to) put(active)
  }

  #tileOf(photo: Photo, place: number, total: number) {
    const { columns, side, step } = this.layout
    let tile = this.#tiles.get(photo.id)
    if (!tile) {
      tile = { element: make('div', { role: 'option', class: 'tile', 'data-id': photo.id }), photo: null }
      this.#tiles.set(photo.id, tile)
    }
    const { element } = tile
    if (tile.photo !== photo) {
      this.#fill(element, photo, tile.photo)
      tile.photo = photo
    }
    const selected = this.#album.selected.has(photo.id)
    element.style.width = element.style.height = `${side}px`
    const across = (place % columns) * step
    element.style.transform = `translate(${document.dir === 'rtl' ? -across : across}px, ${Math.floor(place / columns) * step}px)`
    element.setAttribute('aria-posinset', String(place + 1))
    element.setAttribute('aria-setsize', String(total))
    element.setAttribute('aria-selected', String(selected))
    element.tabIndex = photo.id === this.#active ? 0 : -1
    return element
  }

  #fill(element: HTMLElement, photo: Photo, former: Photo | null) {
    const marks: HTMLElement[] = []
    if (photo.problem) marks.push(make('span', { class: 'why' }, photo.problem))
    if (photo.hold !== null) marks.push(make('span', { class: 'mark' }, length(photo.hold)))
    if (photo.caption) marks.push(make('span', { class: 'said' }, photo.caption))
    element.classList.toggle('bad', photo.problem !== '')
    element.setAttribute('aria-label', [photo.name, photo.caption, photo.problem].filter(Boolean).join('. '))
    element.title = photo.path
    const image = element.querySelector('img')
    if (!former || former.file !== photo.file || !image) {
      const kind = (/\.([^.]{1,5})$/.exec(photo.name)?.[1] ?? '').toUpperCase()
      element.replaceChildren(make('span', { class: 'picture', 'data-kind': kind }), make('span', { class: 'tick' }, icon('check')))
      this.#picture(element, photo)
    } else {
      image.style.rotate = `${photo.rotate}deg`
      element.querySelectorAll('.why, .mark, .said').forEach((old) => old.remove())
    }
    element.append(...marks)
  }

  #picture(element: HTMLElement, photo: Photo) {
    const frame = element.querySelector('.picture')!
    const put = (url: string) => {
      if (url === '') return
      const image = make('img', { alt: '', src: url, decoding: 'async', draggable: 'false' })
      image.style.rotate = `${this.#album.at(photo.id)?.rotate ?? 0}deg`
      frame.replaceChildren(image)
    }
    const now = thumbnailNow(photo)
    if (now !== undefined) put(now)
    else thumbnail(photo).then(put)
  }

  #key(event: KeyboardEvent) {
    const id = this.idOf(event.target)
    if (id < 0) return
    const { columns } = this.layout
    const steps: Record<string, number> = {
      ArrowRight: document.dir === 'rtl' ? -1 : 1, ArrowLeft: document.dir === 'rtl' ? 1 : -1,
      ArrowDown: columns, ArrowUp: -columns, Home: -Infinity, End: Infinity,
    }
    const { list, selected } = this.#album
    const step = steps[event.key]
    if (step !== undefined) {
      event.preventDefault()
      const place = this.#placeOf(id)
      const target = Math.min(list.length - 1, Math.max(0, place + step))
      if (event.altKey) this.#move(id, target)
      else this.focus(list[target]!.id)
      if (event.shiftKey && !event.altKey) this.choose(list[target]!.id, { add: false, range: true })
    } else if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault()
      this.choose(id, { add: event.key === ' ', range: event.shiftKey })
    } else if (event.key === 'Escape') {
      this.#album.select([])
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.#album.select(list.map((photo) => photo.id))
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault()
      this.remove(selected.has(id) ? selected : new Set([id]))
    }
  }

  /** Moves with the keyboard, and says where it is now. */
  #move(id: number, target: number) {
    const ids = this.#album.selected.has(id) ? this.#album.selected : new Set([id])
    const place = this.#placeOf(id)
    this.#album.move(new Set(ids), target > place ? target + 1 : target)
    this.focus(id)
    announce(t('grid.moved', { place: this.#placeOf(id) + 1, total: this.#album.list.length }))
  }

  /** Removes photos and leaves the keyboard where they were. */
  remove(ids: ReadonlySet<number>) {
    const had = this.#list.contains(document.activeElement)
    const place = this.#album.list.findIndex(({ id }) => ids.has(id))
    this.#album.remove(new Set(ids))
    const next = this.#album.list[Math.min(place, this.#album.list.length - 1)]
    if (had && next) this.focus(next.id)
  }

  focus(id: number) {
    this.#active = id
    this.#draw()
    const element = this.#tiles.get(id)?.element
    element?.focus({ preventScroll: true })
    element?.scrollIntoView({ block: 'nearest' })
  }
}
