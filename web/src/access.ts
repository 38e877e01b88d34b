// Who is signed in: the owner's token, where the server asks for one. It is kept until the tab is closed,
// or on this device where one says so; it travels in a header only.
import { byId, enter, input, onClick, say, show } from './dom.ts'
import { listJobs, Problem } from './net/api.ts'
import { t } from './words/words.ts'

const KEY = 'tachyscope.token'

export const ownerToken = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? ''

function forget() {
  sessionStorage.removeItem(KEY)
  localStorage.removeItem(KEY)
}

/** Whether the server takes what we have; true where it cannot be asked, since that shows later. */
async function accepted() {
  try {
    await listJobs(ownerToken(), 1)
    return true
  } catch (problem) {
    return !(problem instanceof Problem && problem.status === 401)
  }
}

/** Resolves when the server takes the token; asks for one as long as it does not. */
export async function signIn() {
  if (await accepted()) return showSignOut()
  const wrong = ownerToken() !== ''
  forget()
  enter('sign-in')
  say('token-error', wrong ? t('access.wrong') : '')
  const field = input('token')
  field.focus()
  await new Promise<void>((resolve) => {
    byId<HTMLFormElement>('token-form').onsubmit = async (event) => {
      event.preventDefault()
      const token = field.value.trim()
      if (token === '') return say('token-error', t('access.empty'))
      const kept = input('token-keep').checked ? localStorage : sessionStorage
      kept.setItem(KEY, token)
      if (await accepted()) return resolve()
      forget()
      say('token-error', t('access.wrong'))
      field.select()
    }
  })
  field.value = ''
  showSignOut()
}

function showSignOut() {
  show('sign-out', ownerToken() !== '')
}

onClick('sign-out', () => {
  forget()
  location.hash = ''
  location.reload()
})
