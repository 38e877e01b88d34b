// The chosen photos in their order, which of them are selected, and the way back. A photo is never
// changed: an edit puts another in its place, so that a former list is the former state.
import type { Found } from './files.ts'
import { type Order, orders } from './order.ts'

export interface Photo {
  readonly id: number
  readonly path: string
  readonly name: string
  /** What is sent; a replacement has another. */
  readonly file: File
  readonly modified: number
  /** Milliseconds, by the camera's clock; null: nobody said; undefined: not looked yet. */
  readonly taken: number | null | undefined
  readonly rotate: number
  /** Seconds; null: as the settings say. */
  readonly hold: number | null
  readonly caption: string
  /** Why the server refused it; '' where it did not. */
  readonly problem: string
}

type Edit = Partial<Pick<Photo, 'rotate' | 'hold' | 'caption'>>

const MAX_UNDO = 100

export class Album extends EventTarget {
  #next = 0
  #list: readonly Photo[] = []
  #order: Order | 'own' = 'name'
  #former: { list: readonly Photo[]; order: Order | 'own' }[] = []
  /** Ids. */
  readonly selected = new Set<number>()

  get list() {
    return this.#list
  }

  get order() {
    return this.#order
  }

  get bytes() {
    return this.#list.reduce((sum, { file }) => sum + file.size, 0)
  }

  get canUndo() {
    return this.#former.length > 0
  }

  get selection() {
    return this.#list.filter(({ id }) => this.selected.has(id))
  }

  at(id: number) {
    return this.#list.find((photo) => photo.id === id)
  }

  #changed() {
    this.dispatchEvent(new Event('change'))
  }

  /** Every change of the list goes through here, so that it can be taken back. */
  #set(list: readonly Photo[], order: Order | 'own' = this.#order) {
    this.#former.push({ list: this.#list, order: this.#order })
    if (this.#former.length > MAX_UNDO) this.#former.shift()
    this.#put(list, order)
  }

  #put(list: readonly Photo[], order: Order | 'own') {
    this.#list = list
    this.#order = order
    const there = new Set(list.map(({ id }) => id))
    for (const id of this.selected) if (!there.has(id)) this.selected.delete(id)
    this.#changed()
  }

  undo() {
    const former = this.#former.pop()
    if (former) this.#put(former.list, former.order)
  }

  #sorted(list: readonly Photo[]) {
    return this.#order === 'own' ? list : [...list].sort(orders[this.#order])
  }

  #photoOf({ path, file }: Found): Photo {
    return {
      id: this.#next++, path, name: file.name, file, modified: file.lastModified,
      taken: undefined, rotate: 0, hold: null, caption: '', problem: '',
    }
  }

  /** Adds what is not there yet; gives what was added. */
  add(files: Found[]) {
    const identity = (path: string, file: File) => `${file.size} ${file.lastModified} ${path}`
    const known = new Set(this.#list.map(({ path, file }) => identity(path, file)))
    const added: Photo[] = []
    for (const found of files) {
      const mark = identity(found.path, found.file)
      if (known.has(mark)) continue
      known.add(mark)
      added.push(this.#photoOf(found))
    }
    if (added.length > 0) this.#set(this.#sorted([...this.#list, ...added]))
    return added
  }

  remove(ids: ReadonlySet<number>) {
    this.#set(this.#list.filter(({ id }) => !ids.has(id)))
  }

  clear() {
    this.#set([])
  }

  /** Forgets also what could be taken back. */
  reset() {
    this.#former = []
    this.selected.clear()
    this.#put([], 'name')
  }

  sort(order: Order) {
    this.#set([...this.#list].sort(orders[order]), order)
  }

  /** Moves photos, in their order, to before the one that is now at `place`. */
  move(ids: ReadonlySet<number>, place: number) {
    const stay = (photo: Photo) => !ids.has(photo.id)
    const moved = this.#list.filter((photo) => !stay(photo))
    const list = [...this.#list.slice(0, place).filter(stay), ...moved, ...this.#list.slice(place).filter(stay)]
    if (list.every((photo, i) => photo === this.#list[i])) return
    this.#set(list, 'own')
  }

  /** One place earlier (-1) or later (1). */
  step(ids: ReadonlySet<number>, by: -1 | 1) {
    const places = this.#list.flatMap(({ id }, place) => (ids.has(id) ? [place] : []))
    if (places.length === 0) return
    this.move(ids, by < 0 ? Math.max(0, places[0]! - 1) : Math.min(this.#list.length, places.at(-1)! + 2))
  }

  edit(ids: ReadonlySet<number>, change: Edit | ((photo: Photo) => Edit)) {
    const edited = (photo: Photo) => ({ ...photo, ...(typeof change === 'function' ? change(photo) : change) })
    this.#set(this.#list.map((photo) => (ids.has(photo.id) ? edited(photo) : photo)))
  }

  /** Another file in a photo's place. */
  replace(id: number, { path, file }: Found) {
    const other = (photo: Photo): Photo => ({ ...this.#photoOf({ path, file }), rotate: photo.rotate, hold: photo.hold, caption: photo.caption })
    this.#set(this.#list.map((photo) => (photo.id === id ? other(photo) : photo)))
  }

  /** What was found out about photos; nothing that one would take back. */
  learn(facts: ReadonlyMap<number, Partial<Pick<Photo, 'taken' | 'problem'>>>) {
    const know = (list: readonly Photo[]) => list.map((photo) => ({ ...photo, ...facts.get(photo.id) }))
    this.#former = this.#former.map(({ list, order }) => ({ list: know(list), order }))
    const list = know(this.#list)
    this.#put(this.#order === 'taken' ? list.sort(orders.taken) : list, this.#order)
  }

  select(ids: Iterable<number>) {
    this.selected.clear()
    for (const id of ids) this.selected.add(id)
    this.dispatchEvent(new Event('select'))
  }
}
