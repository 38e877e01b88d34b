// Puts the page together: what is shown when, and what the buttons do.
import { Problem } from './api.js'
import { connectDrop, connectPicker } from './choose.js'
import { Done } from './done.js'
import { announce, byId, enter, say } from './dom.js'
import { fail, refusals } from './failed.js'
import { Grid } from './grid.js'
import { readLink, writeLink } from './link.js'
import { Photos } from './photos.js'
import { Run } from './run.js'
import { Settings } from './settings.js'
import { start } from './start.js'
import { hideToast, toast } from './toast.js'
import { count, sentence, size } from './words.js'

const photos = new Photos()
const settings = new Settings()
/** @type {Run | null} */
let run = null
/** @type {Done | null} */
let done = null
/** What the failed view's buttons act on. @type {{ refused: import('./failed.js').Refusal[], again: () => void }} */
let failure = { refused: [], again: () => {} }

const composing = () => ['empty', 'compose'].includes(document.body.dataset.view ?? '')

// ---- choosing ----

function compose() {
  run?.stop()
  done?.close()
  run = done = null
  writeLink(null)
  enter(photos.list.length > 0 ? 'compose' : 'empty')
  grid.draw()
}

function startAnew() {
  photos.remove(photos.list)
  compose()
}

function removePhoto(photo) {
  photos.remove([photo])
  toast(`Removed ${photo.name}.`, { label: 'Undo', run: () => photos.putBack([photo]) })
}

const grid = new Grid(photos, removePhoto)

photos.addEventListener('change', () => {
  say('compose-title', count(photos.list.length, 'photo'))
  say('photos-size', size(photos.bytes))
  settings.tellLength(photos.list.length)
  say('make-error', '')
  if (composing()) enter(photos.list.length > 0 ? 'compose' : 'empty')
})
settings.addEventListener('change', () => {
  settings.tellLength(photos.list.length)
  say('make-error', '')
})

/** @param {import('./choose.js').Found[]} found @param {number} left */
function take(found, left) {
  hideToast()
  const added = photos.add(found)
  if (added > 0) announce(`${count(added, 'photo')} added.`)
  if (left > 0) toast(`${count(left, 'file')} left out: not a photo.`)
  else if (added < found.length) toast(`${count(found.length - added, 'photo')} already there.`)
}

const chooseFiles = connectPicker('files', take)
const chooseFolder = connectPicker('folder', take)
connectDrop(composing, take)
byId('choose').addEventListener('click', chooseFiles)
byId('choose-folder').addEventListener('click', chooseFolder)
byId('add').addEventListener('click', chooseFiles)
byId('order').addEventListener('change', () => {
  settings.order = byId('order').value
  photos.sort(byId('order').value)
})
byId('clear').addEventListener('click', () => {
  const all = photos.list
  photos.remove(all)
  toast(`Removed ${count(all.length, 'photo')}.`, { label: 'Undo', run: () => photos.putBack(all) })
})

// ---- making ----

async function make() {
  if (!settings.check()) return settings.point()
  hideToast()
  say('make-error', '')
  const button = byId('make')
  button.disabled = true
  say('make', 'Starting…')
  try {
    const started = await start(photos.list, settings.values)
    if (!started) return undefined
    writeLink(started.job)
    run = new Run(started.job, started.photos, { onEnd, onProblem })
    run.send(started.items, started.uploads)
    run.follow()
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    compose()
    say('make-error', problem.message)
  } finally {
    button.disabled = false
    say('make', 'Make film')
  }
  return undefined
}

function onEnd(status) {
  const { job, photos: inJob } = run
  run = null
  if (status.state === 'done') {
    done = new Done(job, status, photos.list.length > 0)
  } else if (status.state === 'cancelled') {
    compose()
    toast('The film was cancelled.')
  } else {
    const refused = refusals(status, inJob)
    for (const { photo, reason } of refused) if (photo) photos.refuse(photo, reason)
    failure = { refused, again: () => {} }
    const several = refused.length > 1 ? 'Some photos could not be used' : 'A photo could not be used'
    fail({
      title: refused.length > 0 ? several : 'The film could not be made',
      text: refused.length > 0 ? '' : sentence(status.error?.detail ?? 'The server gives no reason'),
      refused,
      back: photos.list.length > 0,
    })
  }
}

/** What the page could not do, in the server's or its own words. */
function onProblem(problem) {
  if (!(problem instanceof Problem)) console.error(problem)
  const stopped = run
  run = null
  const gone = problem.status === 404 || problem.status === 401
  const resume = () => {
    run = new Run(stopped.job, stopped.photos, { onEnd, onProblem })
    run.resume([...stopped.photos.values()].map(({ file }) => file))
    run.follow()
  }
  failure = { refused: [], again: resume }
  fail({
    title: gone ? 'This film is not here any more' : 'That did not work',
    text: problem instanceof Problem ? problem.message : 'Something in this page went wrong.',
    again: !gone,
    back: photos.list.length > 0,
  })
}

byId('settings').addEventListener('submit', (event) => {
  event.preventDefault()
  make()
})

byId('cancel').addEventListener('click', async () => {
  const cancelled = run
  if (!cancelled) return
  byId('cancel').disabled = true
  try {
    const status = await cancelled.cancel()
    // It may have been done a moment earlier: then it is there, and is shown.
    if (run === cancelled && status.state === 'cancelled') {
      compose()
      toast('The film was cancelled.')
    }
  } catch (problem) {
    toast(problem.message)
  } finally {
    byId('cancel').disabled = false
  }
})

const chooseUnsent = connectPicker('unsent-files', (found) => {
  const files = found.map(({ file }) => file)
  if (run && files.length > 0 && run.resume(files) === 0) toast('None of these is among the photos that are missing.')
})
byId('choose-unsent').addEventListener('click', chooseUnsent)

// ---- afterwards ----

byId('change').addEventListener('click', compose)
byId('another').addEventListener('click', startAnew)
byId('back').addEventListener('click', compose)
byId('fresh').addEventListener('click', startAnew)
byId('again').addEventListener('click', () => failure.again())
byId('leave-out').addEventListener('click', () => {
  photos.remove(failure.refused.flatMap(({ photo }) => photo ?? []))
  if (photos.list.length > 0) make()
  else compose()
})
byId('home').addEventListener('click', (event) => {
  event.preventDefault()
  if (!run) compose()
})

addEventListener('beforeunload', (event) => {
  if (run?.unfinished) event.preventDefault()
})

function followLink() {
  const job = readLink()
  if (!job) return compose()
  run?.stop()
  done?.close()
  done = null
  run = new Run(job, new Map(), { onEnd, onProblem })
  run.follow()
  return undefined
}

addEventListener('hashchange', followLink)
followLink()
