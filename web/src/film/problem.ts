// The view of what went wrong: the reason, the photos that were refused, and what one can do now: leave
// a photo out, put another in its place, or try again.
import type { Album, Photo } from '../album/album.ts'
import { byId, enter, make, say, show } from '../dom.ts'
import type { Status } from '../net/types.ts'
import { thumbnail } from '../pictures/thumbs.ts'
import { counted, reasonOf, shownName, t } from '../words/words.ts'

export interface Refusal {
  name: string
  reason: string
  /** Where it is at hand. */
  photo: Photo | undefined
}

/** The server's refusals. @param photos by their names in the job */
export function refusalsOf(status: Status, photos: ReadonlyMap<string, Photo>): Refusal[] {
  const reasons = new Map<string, string>()
  if (status.error?.image) reasons.set(status.error.image, status.error.detail ?? '')
  for (const { name, refused } of status.receipts.refused) if (refused) reasons.set(name, refused)
  return [...reasons].map(([name, text]) => ({ name, reason: reasonOf(text), photo: photos.get(name) }))
}

const kindOf = (name: string) => (/\.([^.]{1,5})$/.exec(name)?.[1] ?? '?').toUpperCase()

function row({ name, reason, photo }: Refusal, album: Album, replace: (photo: Photo) => void) {
  const picture = make('span', { class: 'picture', 'data-kind': kindOf(name) })
  const now = photo && album.at(photo.id)
  const other = photo && !now ? album.list.find(({ id }) => id === replaced.get(photo.id)) : undefined
  const said = make('div', {}, make('b', {}, shownName(name)), make('p', {}, other ? t('problem.replaced', { name: other.name }) : reason))
  const item = make('li', {}, picture, said)
  if (now) {
    const button = make('button', { type: 'button' }, t('problem.replace'))
    button.addEventListener('click', () => replace(now))
    item.append(button)
  }
  const seen = other ?? photo
  if (seen) void thumbnail(seen).then((url) => url !== '' && picture.append(make('img', { alt: '', src: url })))
  return item
}

/** Which photo went into the place of a refused one. */
const replaced = new Map<number, number>()
export const noteReplacement = (from: number, to: number) => replaced.set(from, to)

export interface What {
  title: string
  text: string
  refused?: Refusal[]
  again?: boolean
  back?: boolean
}

export function showProblem({ title, text, refused = [], again = false, back = false }: What, album: Album, replace: (photo: Photo) => void) {
  say('problem-title', title)
  say('problem-text', text)
  byId('refused').replaceChildren(...refused.map((refusal) => row(refusal, album, replace)))
  const open = refused.filter(({ photo }) => photo && album.at(photo.id)).length
  show('go-on', refused.some(({ photo }) => photo))
  say('go-on', open > 0 ? counted('problem.leave', open) : t('problem.go-on'))
  show('again', again)
  show('back', back)
  enter('problem')
}
