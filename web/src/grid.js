// The grid of chosen photos. Only the rows near the window exist as elements, so that twenty thousand
// photos scroll like twenty. On a narrow window it begins folded to a few rows.
import { byId, show } from './dom.js'
import { forget, thumbnail } from './thumbs.js'
import { number } from './words.js'

const GAP = 8
const CAPTION = 22
const SPARE_ROWS = 3
const FOLDED_ROWS = 3
const narrow = matchMedia('(max-width: 859px)')

export class Grid {
  #photos
  #list = byId('grid')
  #unfolded = false
  #due = false
  /** @type {Map<import('./photos.js').Photo, HTMLLIElement>} */
  #tiles = new Map()

  /** @param {import('./photos.js').Photos} photos
   * @param {(photo: import('./photos.js').Photo) => void} remove */
  constructor(photos, remove) {
    this.#photos = photos
    photos.addEventListener('change', () => this.draw())
    addEventListener('scroll', () => this.draw(), { passive: true })
    new ResizeObserver(() => this.draw()).observe(this.#list)
    byId('show-all').addEventListener('click', () => {
      this.#unfolded = !this.#unfolded
      this.draw()
    })
    this.#list.addEventListener('click', (event) => {
      const tile = event.target.closest('button')?.closest('li')
      if (tile) this.#remove(tile, remove)
    })
    this.#list.addEventListener('keydown', (event) => this.#move(event))
  }

  draw() {
    if (this.#due) return
    this.#due = true
    requestAnimationFrame(() => {
      this.#due = false
      this.#draw()
    })
  }

  #draw() {
    const width = this.#list.clientWidth
    if (width === 0) return
    const all = this.#photos.list
    const columns = Math.max(3, Math.floor((width + GAP) / (148 + GAP)))
    const side = (width - GAP * (columns - 1)) / columns
    const row = side + CAPTION + GAP
    const shown = this.#fold(all.length, columns)
    const rows = Math.ceil(shown / columns)
    this.#list.style.height = `${rows * row - GAP}px`
    const top = -this.#list.getBoundingClientRect().top
    const from = Math.max(0, Math.floor(top / row) - SPARE_ROWS) * columns
    const to = Math.min(shown, (Math.ceil((top + innerHeight) / row) + SPARE_ROWS) * columns)
    this.#place(all, from, to, columns, side, row)
  }

  /** How many photos are shown. */
  #fold(total, columns) {
    const folded = columns * FOLDED_ROWS
    const can = narrow.matches && total > folded
    const button = byId('show-all')
    show('show-all', can)
    button.setAttribute('aria-expanded', String(this.#unfolded))
    button.textContent = this.#unfolded ? 'Show fewer' : `Show all ${number(total)}`
    return can && !this.#unfolded ? folded : total
  }

  #place(all, from, to, columns, side, row) {
    const wanted = new Set(all.slice(from, Math.max(from, to)))
    for (const [photo, tile] of this.#tiles) {
      if (wanted.has(photo)) continue
      forget(photo)
      tile.remove()
      this.#tiles.delete(photo)
    }
    let before = null
    for (let i = from; i < to; i++) {
      const photo = all[i]
      const tile = this.#tiles.get(photo) ?? this.#make(photo)
      tile.style.width = `${side}px`
      tile.style.transform = `translate(${(i % columns) * (side + GAP)}px, ${Math.floor(i / columns) * row}px)`
      tile.setAttribute('aria-posinset', String(i + 1))
      tile.setAttribute('aria-setsize', String(all.length))
      this.#mark(tile, photo)
      // The elements stand in the order of the photos, for the keyboard and for readers.
      const next = before ? before.nextSibling : this.#list.firstChild
      if (tile !== next) this.#list.insertBefore(tile, next)
      before = tile
    }
  }

  #make(photo) {
    const tile = document.createElement('li')
    const picture = document.createElement('span')
    picture.className = 'picture'
    picture.dataset.kind = (/\.([^.]{1,5})$/.exec(photo.name)?.[1] ?? 'photo').toUpperCase()
    const name = document.createElement('span')
    name.className = 'name'
    name.textContent = photo.name
    name.title = photo.path
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'remove'
    button.setAttribute('aria-label', `Remove ${photo.name}`)
    tile.append(picture, name, button)
    this.#tiles.set(photo, tile)
    thumbnail(photo).then((url) => {
      if (url === '') return
      const image = new Image()
      image.alt = ''
      image.decoding = 'async'
      image.src = url
      picture.append(image)
    })
    return tile
  }

  #mark(tile, photo) {
    const known = tile.querySelector('.why')
    if ((known?.textContent ?? '') === photo.refused) return
    known?.remove()
    tile.classList.toggle('bad', photo.refused !== '')
    if (photo.refused === '') return
    const why = document.createElement('span')
    why.className = 'why'
    why.textContent = photo.refused
    why.title = photo.refused
    tile.querySelector('.name').after(why)
  }

  #photoOf(tile) {
    for (const [photo, element] of this.#tiles) if (element === tile) return photo
    return undefined
  }

  #remove(tile, remove) {
    const photo = this.#photoOf(tile)
    const neighbour = tile.nextElementSibling ?? tile.previousElementSibling
    if (!photo) return
    remove(photo)
    if (neighbour) neighbour.querySelector('button').focus()
  }

  /** Arrow keys walk through the photos. */
  #move(event) {
    const tile = event.target.closest('li')
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns(), ArrowUp: -this.#columns() }
    const step = steps[event.key]
    if (event.key === 'Delete' && tile) return tile.querySelector('button').click()
    if (!tile || step === undefined) return undefined
    const tiles = [...this.#list.children]
    const target = tiles[tiles.indexOf(tile) + step]
    if (!target) return undefined
    event.preventDefault()
    target.querySelector('button').focus({ preventScroll: true })
    target.scrollIntoView({ block: 'nearest' })
    return undefined
  }

  #columns() {
    return Math.max(3, Math.floor((this.#list.clientWidth + GAP) / (148 + GAP)))
  }
}
