// The view of what went wrong: the reason, the photos that were refused, and what one can do now.
import { byId, enter, say, show } from './dom.js'
import { thumbnail } from './thumbs.js'
import { count, reason as reasonOf, shown } from './words.js'

/** @typedef {{ name: string, reason: string, photo?: import('./photos.js').Photo }} Refusal */

/** The server's refusals, each with the photo it is about where that is at hand.
 * @param {any} status @param {Map<string, import('./photos.js').Photo>} photos by their names in the job
 * @returns {Refusal[]} */
export function refusals(status, photos) {
  /** @type {Map<string, string>} */
  const reasons = new Map()
  if (status.error?.image) reasons.set(status.error.image, status.error.detail ?? '')
  for (const { name, refused } of status.receipts?.refused ?? []) if (refused) reasons.set(name, refused)
  return [...reasons].map(([name, text]) => ({ name, reason: reasonOf(text), photo: photos.get(name) }))
}

/** @param {Refusal} refusal */
function row({ name, reason, photo }) {
  const item = document.createElement('li')
  const picture = document.createElement('span')
  picture.className = 'picture'
  picture.dataset.kind = (/\.([^.]{1,5})$/.exec(name)?.[1] ?? '?').toUpperCase()
  const text = document.createElement('div')
  const title = document.createElement('b')
  title.textContent = shown(name)
  const why = document.createElement('p')
  why.textContent = reason
  text.append(title, why)
  item.append(picture, text)
  if (photo)
    thumbnail(photo).then((url) => {
      if (url === '') return
      const image = new Image()
      image.alt = ''
      image.src = url
      picture.append(image)
    })
  return item
}

/**
 * @param {{ title: string, text: string, refused?: Refusal[], again?: boolean, back?: boolean }} what
 */
export function fail({ title, text, refused = [], again = false, back = false }) {
  say('failed-title', title)
  say('failed-text', text)
  byId('refused').replaceChildren(...refused.map(row))
  const known = refused.filter(({ photo }) => photo).length
  show('leave-out', known > 0)
  say('leave-out', known === 1 ? 'Leave it out' : `Leave out ${count(known, 'photo')}`)
  show('again', again)
  show('back', back)
  enter('failed')
}
