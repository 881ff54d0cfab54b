/** Waits until the machine has nothing left to do, for benchmarks: a node removes what the pods before left for seconds after they are gone. */
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 500
/** A cluster at rest uses a tenth of two cores. */
const IDLE_MIN = 0.8
/** Two in a row: removing files pauses in between. */
const LOOKS_IDLE = 2
/** A machine that other work keeps busy is measured as it is; the contenders take turns. */
const LOOKS_MAX = 40

/** Milliseconds all cores together have been idle for, since the machine was started. Waiting for a disk is not idle. */
const idleMs = (): number => cpus().reduce((sum, { times }) => sum + times.idle, 0)

/** Resolves when the machine has been idle for a second, after 20 s at the latest. For a cluster elsewhere it tells nothing. */
export async function untilIdle(): Promise<void> {
  const cores = cpus().length
  let [before, beforeMs, idleLooks] = [idleMs(), performance.now(), 0]
  for (let look = 0; look < LOOKS_MAX && idleLooks < LOOKS_IDLE; look += 1) {
    await delay(LOOK_MS)
    const [now, nowMs] = [idleMs(), performance.now()]
    const isIdle = now - before >= IDLE_MIN * cores * (nowMs - beforeMs)
    idleLooks = isIdle ? idleLooks + 1 : 0
    ;[before, beforeMs] = [now, nowMs]
  }
}
