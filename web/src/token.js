// Asks for the owner's token where the server wants one. It is kept for this tab only.
import { byId, say } from './dom.js'

const KEY = 'tachyscope-token'

export const ownerToken = () => sessionStorage.getItem(KEY) ?? ''

/** Resolves with true when a token was given. @param {boolean} refused the one that we had */
export function askToken(refused) {
  const dialog = byId('token-dialog')
  const input = byId('token')
  say('token-error', refused ? 'The server did not accept this token.' : '')
  input.value = ''
  dialog.showModal()
  return new Promise((resolve) => {
    let given = false
    byId('token-form').onsubmit = (event) => {
      if (input.value.trim() === '') {
        event.preventDefault()
        say('token-error', 'Please enter the token.')
        input.focus()
        return
      }
      sessionStorage.setItem(KEY, input.value.trim())
      given = true
    }
    byId('token-cancel').onclick = () => dialog.close()
    dialog.onclose = () => resolve(given)
  })
}
