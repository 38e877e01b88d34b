// Follows a job: over a WebSocket where the server offers one and the network lets it through, by asking
// for the status otherwise: often while things move and somebody looks, seldom else. Both give the
// same documents, so nothing else has to know which it is.
import { getStatus, Problem } from './api.ts'
import { ended, type Job, type Status } from './types.ts'

const FIRST_MS = 300
const MOST_MS = 1000
const HIDDEN_MS = 5000
const MOST_TROUBLED_MS = 8000
const NUDGE_MS = 60_000
/** A network that blocks WebSockets may swallow them without a word. */
const OPEN_MS = 4000
const MAX_FAILURES = 2

interface Handlers {
  onStatus: (status: Status) => void
  /** Why it has to wait; '' when it need not any more. */
  onTrouble: (text: string) => void
  signal: AbortSignal
}

/** Waits; less when the page comes into sight or the signal ends it. */
function pause(ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve) => {
    const timer = setTimeout(finish, ms)
    function finish() {
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', finish)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    document.addEventListener('visibilitychange', finish)
    signal.addEventListener('abort', finish)
  })
}

/** Resolves with the last status when it says the end, with null when the connection ends before;
 * `opened` tells whether anything came. */
function listen(job: Job, { onStatus, signal }: Handlers) {
  const address = new URL(job.live, document.baseURI)
  address.protocol = address.protocol.replace('http', 'ws')
  return new Promise<{ opened: boolean; last: Status | null }>((resolve) => {
    const socket = new WebSocket(address)
    let opened = false
    let quiet = setTimeout(() => socket.close(), OPEN_MS)
    const finish = (last: Status | null) => {
      clearTimeout(quiet)
      signal.removeEventListener('abort', abort)
      socket.close()
      resolve({ opened, last })
    }
    const abort = () => finish(null)
    signal.addEventListener('abort', abort)
    socket.onclose = () => finish(null)
    socket.onmessage = ({ data }) => {
      const status = JSON.parse(data) as Status
      if (status.id !== job.id || !status.state) return
      opened = true
      // Nothing for a minute: asking shows whether something was lost.
      clearTimeout(quiet)
      quiet = setTimeout(() => finish(null), NUDGE_MS)
      onStatus(status)
      if (ended(status.state)) finish(status)
    }
  })
}

/** Resolves with the last status; throws a Problem that does not pass, or an AbortError. */
export async function follow(job: Job, handlers: Handlers): Promise<Status> {
  const { onTrouble, signal } = handlers
  let etag = ''
  let wait = FIRST_MS
  let changed = performance.now()
  let failures = 0
  let troubled = false
  const onStatus = (status: Status) => {
    changed = performance.now()
    handlers.onStatus(status)
  }
  for (;;) {
    if (job.live && failures < MAX_FAILURES) {
      const { opened, last } = await listen(job, { ...handlers, onStatus })
      signal.throwIfAborted()
      if (last) return last
      failures = opened ? 0 : failures + 1
    }
    try {
      const nudge = performance.now() - changed > NUDGE_MS
      if (nudge) changed = performance.now()
      const answer = await getStatus(job, { etag, nudge, signal })
      onTrouble('')
      if (troubled) failures = 0 // it was the server that was gone, not the WebSocket that is blocked
      troubled = false
      etag = answer.etag || etag
      if (answer.status) {
        wait = FIRST_MS
        onStatus(answer.status)
        if (ended(answer.status.state)) return answer.status
      } else {
        wait = Math.min(MOST_MS, wait * 1.3)
      }
    } catch (error) {
      if (!(error instanceof Problem) || !error.passing) throw error
      onTrouble(error.message)
      troubled = true
      wait = Math.min(MOST_TROUBLED_MS, Math.max(MOST_MS, wait * 1.5))
    }
    await pause(document.hidden ? Math.max(wait, HIDDEN_MS) : wait, signal)
    signal.throwIfAborted()
  }
}
