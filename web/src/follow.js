// Follows a job by asking for its status: often while things move and somebody looks, seldom otherwise.
import { getStatus, Problem } from './api.js'

const FIRST_MS = 300
const MOST_MS = 1000
const HIDDEN_MS = 5000
const MOST_TROUBLED_MS = 8000
const NUDGE_MS = 60_000

/** Waits; less when the page comes into sight or the signal ends it. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms)
    function finish() {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', finish)
      signal.removeEventListener('abort', finish)
      resolve(undefined)
    }
    document.addEventListener('visibilitychange', finish)
    signal.addEventListener('abort', finish)
  })
}

export const ended = (status) => ['done', 'failed', 'cancelled'].includes(status.state)

/**
 * Resolves with the last status; throws a Problem that does not pass, or an AbortError.
 * @param {import('./api.js').Job} job
 * @param {{ onStatus: (status: any) => void, onTrouble: (text: string) => void, signal: AbortSignal }} options
 */
export async function follow(job, { onStatus, onTrouble, signal }) {
  let etag = ''
  let wait = FIRST_MS
  let changed = performance.now()
  for (;;) {
    try {
      const nudge = performance.now() - changed > NUDGE_MS
      if (nudge) changed = performance.now()
      const answer = await getStatus(job, { etag, nudge, signal })
      onTrouble('')
      etag = answer.etag || etag
      if (answer.status) {
        changed = performance.now()
        wait = FIRST_MS
        onStatus(answer.status)
        if (ended(answer.status)) return answer.status
      } else {
        wait = Math.min(MOST_MS, wait * 1.3)
      }
    } catch (error) {
      if (!(error instanceof Problem) || !error.passing) throw error
      onTrouble(error.message)
      wait = Math.min(MOST_TROUBLED_MS, Math.max(MOST_MS, wait * 1.5))
    }
    await pause(document.hidden ? Math.max(wait, HIDDEN_MS) : wait, signal)
    signal.throwIfAborted()
  }
}
