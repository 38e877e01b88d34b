// Speed of the last seconds, for the time that is left.

const WINDOW_MS = 8000
const LEAST_MS = 1500

export class Pace {
  #marks: { at: number; done: number }[] = []

  mark(done: number) {
    const at = performance.now()
    const last = this.#marks.at(-1)
    if (last && at - last.at < 200) last.done = done
    else this.#marks.push({ at, done })
    while (this.#marks.length > 2 && at - this.#marks[0]!.at > WINDOW_MS) this.#marks.shift()
  }

  /** Per second; 0 while nothing can be said. */
  get speed() {
    const first = this.#marks[0]
    const last = this.#marks.at(-1)
    if (!first || !last || last.at - first.at < LEAST_MS) return 0
    return ((last.done - first.done) / (last.at - first.at)) * 1000
  }

  reset() {
    this.#marks = []
  }
}
