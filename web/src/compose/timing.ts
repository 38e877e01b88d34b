// How long each photo stays, and with it the film: pure, and the server's own rule. A film lasts the sum
// of its holds; image i starts at the frame nearest to the sum of the holds before it.

export interface Timing {
  /** Seconds of each photo. */
  holds: number[]
  fps: number
}

/** @param own seconds of single photos @param hold seconds of the others, or 'frame' */
export function timingOf(own: (number | null)[], hold: number | 'frame', fps: number): Timing {
  const usual = hold === 'frame' ? 1 / fps : hold
  return { holds: own.map((seconds) => seconds ?? usual), fps }
}

export function framesOf({ holds, fps }: Timing) {
  return Math.max(holds.length, Math.round(holds.reduce((sum, hold) => sum + hold, 0) * fps))
}

export const secondsOf = (timing: Timing) => (timing.fps > 0 ? framesOf(timing) / timing.fps : 0)
