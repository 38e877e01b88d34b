// The list of films: the server's, where it may be seen, with what this browser remembers of them. Posters
// and lengths are asked for when a film comes into sight.
import { ownerToken } from '../access.ts'
import { byId, enter, input, make, note, onClick, show } from '../dom.ts'
import { getStatus, listJobs, Problem } from '../net/api.ts'
import { type Job, outputOf, type State, type Status } from '../net/types.ts'
import { counted, type Key, length, momentOf, t } from '../words/words.ts'
import { remembered } from './memory.ts'

const PORTION = 50

/** Those that were made elsewhere have no token here: their owner's shows them, and is in no address. */
interface Film extends Job {
  title: string
  photos: number
  created: number
  state: State | 'gone' | null
}

const titleOf = ({ title, photos }: Film) => title || (photos > 0 ? counted('photos', photos) : t('films.untitled'))

export class Films {
  #films: Film[] = []
  #after = ''
  #statuses = new Map<string, Status | 'gone'>()
  #seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        this.#seen.unobserve(target)
        void this.#look(target as HTMLElement)
      }
  })

  constructor() {
    input('films-search').addEventListener('input', () => this.#draw())
    onClick('films-more', () => void this.#load())
  }

  async open() {
    this.#films = remembered().map((film) => ({ ...film, state: null }))
    this.#after = ''
    this.#statuses.clear()
    input('films-search').value = ''
    enter('films')
    this.#draw()
    await this.#load()
  }

  /** The server's next ones; those that are only remembered stay, since their own tokens show them. */
  async #load() {
    try {
      const { jobs, more } = await listJobs(ownerToken(), PORTION, this.#after)
      const known = new Map(this.#films.map((film) => [film.id, film]))
      for (const { id, created_at, state } of jobs) {
        const film = known.get(id)
        if (film) film.state = state
        else known.set(id, { id, token: '', live: '', title: '', photos: 0, created: Date.parse(created_at), state })
      }
      this.#films = [...known.values()].sort((a, b) => b.created - a.created)
      this.#after = jobs.at(-1)?.id ?? this.#after
      show('films-more', more)
      this.#draw()
    } catch (problem) {
      show('films-more', false)
      if (!(problem instanceof Problem)) throw problem
      this.#draw()
      note('films-text', problem.status === 401 ? t('films.unasked') : problem.message)
    }
  }

  #draw() {
    const wanted = input('films-search').value.trim().toLocaleLowerCase()
    const shown = this.#films.filter((film) => this.#textOf(film).includes(wanted))
    note('films-text', shown.length > 0 ? '' : t(this.#films.length > 0 ? 'films.no-match' : 'films.none'))
    this.#seen.disconnect()
    byId('films-list').replaceChildren(...shown.map((film) => this.#card(film)))
  }

  #textOf(film: Film) {
    const state = film.state ? t(`state.${film.state}`) : ''
    return [titleOf(film), momentOf(film.created), state, film.id].join(' ').toLocaleLowerCase()
  }

  #card(film: Film) {
    const link = make('a', { href: `#${new URLSearchParams({ job: film.id, token: film.token })}`, 'data-id': film.id })
    link.append(
      make('span', { class: 'poster' }, make('span', { class: 'state' })),
      make('b', {}, titleOf(film)),
      make('small', { class: 'quiet' }, [film.title && film.photos > 0 ? counted('photos', film.photos) : '', momentOf(film.created)].filter(Boolean).join(' · ')),
    )
    const item = make('li', {}, link)
    this.#mark(item, film)
    const status = this.#statuses.get(film.id)
    if (status) this.#show(item, film, status)
    else this.#seen.observe(item)
    return item
  }

  #mark(item: HTMLElement, { state }: Film) {
    const mark = item.querySelector('.state')!
    mark.textContent = state ? t(`state.${state}` as Key) : ''
    item.dataset.state = state ?? ''
  }

  /** Asks for one film's poster and state. */
  async #look(item: HTMLElement) {
    const id = item.querySelector('a')!.dataset.id!
    const film = this.#films.find((one) => one.id === id)
    if (!film) return
    try {
      const { status } = await getStatus({ ...film, token: film.token || ownerToken() })
      if (!status) return
      this.#statuses.set(id, status)
      this.#show(item, film, status)
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 404) return
      this.#statuses.set(id, 'gone')
      this.#show(item, film, 'gone')
    }
  }

  #show(item: HTMLElement, film: Film, status: Status | 'gone') {
    film.state = status === 'gone' ? 'gone' : status.state
    this.#mark(item, film)
    if (status === 'gone') return
    const video = outputOf(status, 'video')
    const poster = outputOf(status, 'poster')
    const frame = item.querySelector('.poster')!
    if (poster?.url) frame.prepend(make('img', { alt: '', src: poster.url, loading: 'lazy', width: poster.width, height: poster.height }))
    if (video?.seconds) item.querySelector('.state')!.textContent = length(video.seconds)
  }
}
