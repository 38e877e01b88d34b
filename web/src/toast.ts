// One short message at the foot of the window, with at most one thing to do about it.
import { button, say, show } from './dom.ts'

const SECONDS = 8
let timer = 0

export function toast(text: string, action?: { label: string; run: () => void }) {
  clearTimeout(timer)
  say('toast-text', text)
  const act = button('toast-action')
  act.hidden = !action
  act.textContent = action?.label ?? ''
  act.onclick = () => {
    hideToast()
    action?.run()
  }
  show('toast', true)
  timer = window.setTimeout(hideToast, SECONDS * 1000)
}

export function hideToast() {
  clearTimeout(timer)
  show('toast', false)
}
