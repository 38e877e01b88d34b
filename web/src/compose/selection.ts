// What one can do with the selected photos: turn, say, hold, move, remove. The bar stands above the
// grid, and at the foot of a phone.
import type { Album } from '../album/album.ts'
import { byId, input, onClick, say, show } from '../dom.ts'
import { counted } from '../words/words.ts'
import type { Grid } from './grid.ts'

const MAX_CAPTION_BYTES = 1000
const MAX_HOLD = 86_400
const encoder = new TextEncoder()

export class Selection {
  #album
  #grid
  #caption = input('photo-caption')
  #hold = input('photo-hold')

  constructor(album: Album, grid: Grid) {
    this.#album = album
    this.#grid = grid
    album.addEventListener('select', () => this.#draw())
    album.addEventListener('change', () => this.#draw())
    onClick('photo-turn', () => album.edit(album.selected, ({ rotate }) => ({ rotate: (rotate + 90) % 360 })))
    onClick('photo-earlier', () => album.step(album.selected, -1))
    onClick('photo-later', () => album.step(album.selected, 1))
    onClick('photo-remove', () => grid.remove(album.selected))
    onClick('photo-none', () => this.#leave())
    this.#caption.addEventListener('change', () => this.#say())
    this.#hold.addEventListener('change', () => this.#holdFor())
    for (const field of [this.#caption, this.#hold])
      field.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') this.#leave()
        else if (event.key === 'Enter') field.blur()
      })
  }

  /** Back to the grid, with nothing selected. */
  #leave() {
    const first = this.#album.selection[0]
    this.#album.select([])
    if (first) this.#grid.focus(first.id)
  }

  #draw() {
    const photos = this.#album.selection
    document.body.classList.toggle('selecting', photos.length > 0)
    show('selection', photos.length > 0)
    if (photos.length === 0) return
    say('selection-count', counted('selected', photos.length))
    const captions = new Set(photos.map(({ caption }) => caption))
    const holds = new Set(photos.map(({ hold }) => hold))
    if (document.activeElement !== this.#caption) this.#caption.value = captions.size === 1 ? [...captions][0]! : ''
    if (document.activeElement !== this.#hold) this.#hold.value = holds.size === 1 ? String([...holds][0] ?? '') : ''
    const why = photos.length === 1 ? photos[0]!.problem : ''
    say('selection-why', why)
    byId('selection-why').hidden = why === ''
    show('photo-replace', why !== '')
  }

  #say() {
    let caption = this.#caption.value.replace(/\p{Cc}/gu, ' ').trim()
    while (encoder.encode(caption).length > MAX_CAPTION_BYTES) caption = caption.slice(0, -1)
    if (this.#album.selection.some((photo) => photo.caption !== caption)) this.#album.edit(this.#album.selected, { caption })
  }

  #holdFor() {
    const seconds = this.#hold.valueAsNumber
    const fits = seconds > 0 && seconds <= MAX_HOLD
    if (this.#hold.value !== '' && !fits) {
      this.#hold.setAttribute('aria-invalid', 'true')
      return
    }
    this.#hold.removeAttribute('aria-invalid')
    const hold = fits ? seconds : null
    if (this.#album.selection.some((photo) => photo.hold !== hold)) this.#album.edit(this.#album.selected, { hold })
  }
}
