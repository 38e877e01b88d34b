// One short message at the foot of the window, with at most one thing to do about it.
import { byId, say, show } from './dom.js'

const SECONDS = 8
let timer = 0

/** @param {string} text @param {{ label: string, run: () => void }} [action] */
export function toast(text, action) {
  clearTimeout(timer)
  say('toast-text', text)
  const button = byId('toast-action')
  button.hidden = !action
  button.textContent = action?.label ?? ''
  button.onclick = () => {
    hideToast()
    action?.run()
  }
  show('toast', true)
  timer = setTimeout(hideToast, SECONDS * 1000)
}

export function hideToast() {
  clearTimeout(timer)
  show('toast', false)
}
