// The view in which a film comes about: photos on one side, the film on the other; on a phone one at a
// time. Keeps what depends on both true: length, preview, hints.
import { Album, type Photo } from '../album/album.ts'
import { connectDrop, connectPicker, type Sifted } from '../album/files.ts'
import type { Order } from '../album/order.ts'
import { announce, button, byId, currentView, note, onClick, say, show } from '../dom.ts'
import { takenAt } from '../pictures/pool.ts'
import { hideToast, toast } from '../toast.ts'
import { counted, length, size, t } from '../words/words.ts'
import { Grid } from './grid.ts'
import { Preview } from './preview.ts'
import { Selection } from './selection.ts'
import { presets, Settings } from './settings.ts'
import { secondsOf, type Timing, timingOf } from './timing.ts'

const SHORT_SECONDS = 1
const LEARN_MS = 400
/** From so many photos on, one frame each makes a film; fewer are looked at one by one. */
const MANY = 150

const tabs = { photos: button('tab-photos'), film: button('tab-film') }
type Tab = keyof typeof tabs

function openTab(tab: Tab) {
  document.body.dataset.tab = tab
  for (const [name, element] of Object.entries(tabs)) {
    element.setAttribute('aria-selected', String(name === tab))
    element.tabIndex = name === tab ? 0 : -1
  }
  scrollTo(0, 0)
}

export class Compose {
  readonly album = new Album()
  readonly settings = new Settings()
  readonly grid = new Grid(this.album)
  #preview = new Preview()
  #learned = new Map<number, { taken: number | null }>()
  #learning = 0

  /** @param onChange also when there is nothing to show any more */
  constructor(onChange: () => void) {
    new Selection(this.album, this.grid)
    const changed = () => {
      this.#tell()
      onChange()
    }
    this.album.addEventListener('change', changed)
    this.settings.addEventListener('change', () => this.#tell())
    this.#connectFiles()
    this.#connectBar()
    this.#connectTabs()
  }

  get #open() {
    return currentView() === 'start' || currentView() === 'compose'
  }

  #connectFiles() {
    const take = (found: Sifted) => this.take(found)
    const chooseFiles = connectPicker('files', take)
    const chooseFolder = connectPicker('folder', take)
    connectDrop(() => this.#open, take)
    onClick('choose', chooseFiles)
    onClick('choose-folder', chooseFolder)
    onClick('add', chooseFiles)
    const chooseOther = connectPicker('replacement', ({ photos }) => {
      const [photo] = this.album.selection
      if (photo && photos[0]) this.album.replace(photo.id, photos[0])
    })
    onClick('photo-replace', chooseOther)
  }

  #connectBar() {
    const order = byId<HTMLSelectElement>('order')
    order.addEventListener('change', () => this.album.sort(order.value as Order))
    onClick('undo', () => this.album.undo())
    onClick('clear', () => {
      const { length: n } = this.album.list
      this.album.clear()
      toast(counted('removed', n), { label: t('undo'), run: () => this.album.undo() })
    })
    addEventListener('keydown', (event) => {
      const typing = event.target instanceof HTMLInputElement && ['text', 'number', 'search', 'password'].includes(event.target.type)
      if (event.key !== 'z' || event.shiftKey || !(event.ctrlKey || event.metaKey) || typing || !this.#open) return
      event.preventDefault()
      this.album.undo()
    })
  }

  #connectTabs() {
    openTab('photos')
    for (const [name, element] of Object.entries(tabs)) {
      element.addEventListener('click', () => openTab(name as Tab))
      element.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
        const other = name === 'photos' ? 'film' : 'photos'
        openTab(other)
        tabs[other].focus()
      })
    }
  }

  take({ photos, left }: Sifted) {
    hideToast()
    const first = this.album.list.length === 0
    const added = this.album.add(photos)
    if (first && this.settings.untouched) this.settings.apply(presets[added.length < MANY ? 'slideshow' : 'timelapse']!)
    if (added.length > 0) announce(counted('added', added.length))
    if (left > 0) toast(counted('left', left))
    else if (added.length < photos.length) toast(counted('there', photos.length - added.length))
    for (const photo of added) void this.#learn(photo)
  }

  /** When a photo was taken; told in portions, since each makes the list anew. */
  async #learn({ id, file, name }: Photo) {
    this.#learned.set(id, { taken: await takenAt(file, name) })
    if (this.#learning !== 0) return
    this.#learning = window.setTimeout(() => {
      this.#learning = 0
      const facts = new Map(this.#learned)
      this.#learned.clear()
      this.album.learn(facts)
    }, LEARN_MS)
  }

  get timing(): Timing {
    const { hold = 'frame', fps = 30 } = this.settings.values
    return timingOf(this.album.list.map((photo) => photo.hold), hold as number | 'frame', Number(fps))
  }

  /** Beginning of the film's name: the folder the photos come from, if it is one. */
  get title() {
    const folders = new Set(this.album.list.map(({ path }) => path.split('/').slice(0, -1).join('/')))
    const [folder = ''] = folders
    return folders.size === 1 ? (folder.split('/').at(-1) ?? '') : ''
  }

  #tell() {
    const { list, bytes, order, canUndo } = this.album
    say('compose-title', counted('photos', list.length))
    say('photos-size', size(bytes))
    say('make-error', '')
    button('undo').disabled = !canUndo
    const select = byId<HTMLSelectElement>('order')
    select.value = order
    select.querySelector<HTMLOptionElement>('[value=own]')!.hidden = order !== 'own'
    const timing = this.timing
    this.settings.timing = timing
    const good = this.settings.check() && list.length > 0
    const seconds = secondsOf(timing)
    say('length', good ? length(seconds) : '–')
    const blink = good && seconds < SHORT_SECONDS && this.settings.values.hold === 'frame'
    note('length-hint', blink ? t('hint.blink') : '')
    if (good) this.#preview.set({ photos: list, settings: this.settings.values, timing })
  }

  /** To where something is wrong. */
  point() {
    openTab('film')
    this.settings.point()
  }

  rest() {
    this.#preview.play(false)
    this.album.select([])
    show('drop', false)
  }
}
