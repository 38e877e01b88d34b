// Puts the page together: what is shown when, and what the buttons do.
import { ownerToken, signIn } from './access.ts'
import type { Photo } from './album/album.ts'
import { connectPicker } from './album/files.ts'
import { Compose } from './compose/compose.ts'
import { button, byId, currentView, enter, make, onClick, say } from './dom.ts'
import { Done } from './film/done.ts'
import { Films } from './film/films.ts'
import { readPlace, writePlace } from './film/link.ts'
import { lockCancel } from './film/making.ts'
import { recall, remember } from './film/memory.ts'
import { noteReplacement, type Refusal, refusalsOf, showProblem, type What } from './film/problem.ts'
import { Run } from './film/run.ts'
import { start } from './film/start.ts'
import { Problem } from './net/api.ts'
import type { Job, Status } from './net/types.ts'
import { hideToast, toast } from './toast.ts'
import { chooseLanguage, language, languages, sentence, t, translate } from './words/words.ts'

translate()

const composing = () => currentView() === 'start' || currentView() === 'compose'
const compose = new Compose(() => composing() && showCompose())
const { album, settings } = compose
const films = new Films()
let run: Run | null = null
let done: Done | null = null
/** The job that the chosen photos went into last. */
let chosenFor = ''
/** What the problem's buttons act on. */
let failure: { what: What; again: () => void } = { what: { title: '', text: '' }, again: () => {} }

// ---- places ----

function showCompose() {
  enter(album.list.length > 0 ? 'compose' : 'start')
  compose.grid.draw()
}

/** Leaves what is shown. A job goes on without the page; what is being sent is not left. */
function leave() {
  if (!run?.unfinished) {
    run?.stop()
    run = null
  }
  done?.close()
  done = null
  compose.rest()
  hideToast()
}

function toCompose() {
  if (run?.unfinished) return toJob(run.job)
  leave()
  writePlace(null)
  showCompose()
}

function startAnew() {
  album.reset()
  toCompose()
}

function toFilms() {
  leave()
  writePlace('films')
  void films.open()
}

function toJob(job: Job) {
  leave()
  if (run) {
    if (run.job.id !== job.id) toast(t('making.first'))
    writePlace({ job: run.job }, { replace: true })
    return enter('making')
  }
  run = new Run(job, new Map(), { onEnd, onProblem })
  void run.follow()
}

async function openPlace() {
  const place = readPlace()
  // A job's own token shows it; everything else is its owner's.
  if (place === null || place === 'films' || place.job.token === '') await signIn()
  if (place === 'films') toFilms()
  else if (place === null) toCompose()
  else toJob({ ...place.job, token: place.job.token || ownerToken() })
}

// ---- making ----

async function makeFilm() {
  if (!settings.check()) return compose.point()
  hideToast()
  say('make-error', '')
  const go = button('make')
  go.disabled = true
  say('make', t('make.starting'))
  try {
    const started = await start(album.list, settings.values)
    const { job, photos, items, uploads } = started
    remember({ ...job, title: compose.title, photos: photos.size, created: Date.now(), form: settings.form, ended: 0 })
    chosenFor = job.id
    compose.rest()
    writePlace({ job })
    run = new Run(job, photos, { onEnd, onProblem })
    run.send(items, uploads)
    void run.follow()
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    showCompose()
    say('make-error', problem.message)
  } finally {
    go.disabled = false
    say('make', t('make'))
  }
}

function onEnd(status: Status) {
  if (!run) return
  const { job, photos } = run
  run = null
  if (currentView() === 'films') return toast(t('making.ended'), { label: t('making.show'), run: () => toJob(job) })
  if (status.state === 'done') {
    done = new Done(job, status, chosenFor === job.id && album.list.length > 0)
  } else if (status.state === 'cancelled') {
    toCompose()
    toast(t('making.cancelled'))
  } else {
    const refused = refusalsOf(status, photos)
    album.learn(new Map(refused.flatMap(({ photo, reason }) => (photo ? [[photo.id, { problem: reason }]] : []))))
    const title = refused.length > 1 ? t('problem.photos') : refused.length > 0 ? t('problem.photo') : t('problem.film')
    const text = refused.length > 0 ? '' : sentence(status.error?.detail ?? '') || t('problem.no-reason')
    fail({ title, text, refused, back: album.list.length > 0 }, () => {})
  }
}

/** What the page could not do, in the server's or its own words. */
function onProblem(problem: Error) {
  if (!(problem instanceof Problem)) console.error(problem)
  const stopped = run
  run = null
  const status = problem instanceof Problem ? problem.status : 0
  if (status === 404 || status === 401)
    return fail({ title: t('problem.gone'), text: t('problem.gone-text'), back: album.list.length > 0 }, () => {})
  const again = () => {
    if (!stopped) return toCompose()
    run = new Run(stopped.job, stopped.photos, { onEnd, onProblem })
    run.resume([...stopped.photos.values()].map(({ file }) => file))
    void run.follow()
  }
  fail({
    title: t('problem.page'), again: true, back: album.list.length > 0,
    text: problem instanceof Problem ? problem.message : t('problem.page-text'),
  }, again)
  return undefined
}

function fail(what: What, again: () => void) {
  failure = { what, again }
  showProblem(what, album, replace)
}

let replacing: Photo | null = null
const chooseReplacement = connectPicker('refused-replacement', ({ photos }) => {
  if (!replacing || !photos[0]) return
  const place = album.list.findIndex(({ id }) => id === replacing!.id)
  album.replace(replacing.id, photos[0])
  const other = album.list[place]
  if (other) noteReplacement(replacing.id, other.id)
  showProblem(failure.what, album, replace)
})
function replace(photo: Photo) {
  replacing = photo
  chooseReplacement()
}

byId('settings').addEventListener('submit', () => void makeFilm())

onClick('cancel', async () => {
  const cancelled = run
  if (!cancelled) return
  lockCancel(true)
  try {
    const status = await cancelled.cancel()
    // It may have been done a moment earlier: then it is there, and is shown.
    if (run === cancelled && status.state === 'cancelled') {
      if (album.list.length > 0) toCompose()
      else startAnew()
      toast(t('making.cancelled'))
    }
  } catch (problem) {
    toast((problem as Error).message)
  } finally {
    lockCancel(false)
  }
})

const chooseUnsent = connectPicker('unsent-files', ({ photos }) => {
  const files = photos.map(({ file }) => file)
  if (run && files.length > 0 && run.resume(files) === 0) toast(t('unsent.none'))
})
onClick('choose-unsent', chooseUnsent)

// ---- afterwards ----

onClick('change', () => {
  const place = readPlace()
  const known = place && place !== 'films' ? recall(place.job.id) : undefined
  if (known) {
    settings.untouched = false
    settings.apply(known.form)
  }
  toCompose()
})
onClick('another', startAnew)
onClick('back', toCompose)
onClick('fresh', startAnew)
onClick('new-film', toCompose)
onClick('again', () => failure.again())
onClick('go-on', () => {
  const refused = failure.what.refused ?? []
  const bad = refused.flatMap(({ photo }: Refusal) => (photo && album.at(photo.id) ? [photo.id] : []))
  if (bad.length > 0) album.remove(new Set(bad))
  if (album.list.length > 0) void makeFilm()
  else toCompose()
})
onClick('home', (event) => {
  event.preventDefault()
  toCompose()
})
onClick('to-films', toFilms)

addEventListener('beforeunload', (event) => {
  if (run?.unfinished) event.preventDefault()
})
addEventListener('hashchange', () => void openPlace())

const tongue = byId<HTMLSelectElement>('language')
for (const tag of languages) tongue.append(make('option', { value: tag, selected: tag === language, lang: tag }, nameOf(tag)))
tongue.addEventListener('change', () => chooseLanguage(tongue.value))

/** A language's own name for itself. */
function nameOf(tag: string) {
  return new Intl.DisplayNames(tag, { type: 'language' }).of(tag) ?? tag
}

void openPlace()
