// The few things that every view does with the document.

/** @param {string} id @returns {any} */
export function byId(id) {
  const element = document.getElementById(id)
  if (!element) throw new Error(`there is no #${id}`)
  return element
}

/** @param {string} id @param {boolean} visible */
export function show(id, visible) {
  byId(id).hidden = !visible
}

/** Sets text only where it differs, so that nothing is read out twice. @param {string} id @param {string} text */
export function say(id, text) {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

/** Like `say`; without text the element is hidden. @param {string} id @param {string} text */
export function note(id, text) {
  say(id, text)
  show(id, text !== '')
}

/** Tells those who listen instead of looking. @param {string} text */
export const announce = (text) => say('announce', text)

const views = ['empty', 'compose', 'working', 'done', 'failed']
let current = ''

/** Shows one view and moves the focus to its heading, unless it is the first one.
 * @param {string} view */
export function enter(view) {
  if (view === current) return
  const first = current === ''
  current = view
  for (const name of views) show(name, name === view)
  document.body.dataset.view = view
  window.scrollTo(0, 0)
  if (!first) byId(`${view}-title`).focus({ preventScroll: true })
}
