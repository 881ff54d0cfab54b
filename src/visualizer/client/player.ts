/** Steps through a recorded run, by hand or by itself, for the replay panel. */

/** A step is shown for as long as it took, within these bounds, so that nobody waits an hour for a build. Milliseconds. */
const SHOWN_MS_MIN = 450
const SHOWN_MS_MAX = 1_600

export interface Player {
  go(step: number): void
  toggle(): void
  stop(): void
}

/** `tookMs`: of every step. `show` is told of every step, and whether the player goes on by itself. */
export function createPlayer(tookMs: readonly number[], show: (step: number, isPlaying: boolean) => void): Player {
  let step = 0
  let isPlaying = false
  let shownSinceMs: number | undefined
  const last = tookMs.length - 1
  const set = (next: number) => {
    step = Math.min(last, Math.max(0, next))
    shownSinceMs = undefined
    isPlaying &&= step < last
    show(step, isPlaying)
  }
  const frame = (nowMs: number) => {
    if (!isPlaying) return
    shownSinceMs ??= nowMs
    const shownMs = Math.min(SHOWN_MS_MAX, Math.max(SHOWN_MS_MIN, tookMs[step] ?? 0))
    if (nowMs - shownSinceMs >= shownMs) set(step + 1)
    if (isPlaying) requestAnimationFrame(frame)
  }
  return {
    go(next) {
      isPlaying = false
      set(next)
    },
    toggle() {
      isPlaying = !isPlaying
      set(isPlaying && step === last ? 0 : step)
      if (isPlaying) requestAnimationFrame(frame)
    },
    stop() {
      isPlaying = false
    }
  }
}
