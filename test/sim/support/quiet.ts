/** Waits until nothing happens any more but the passing of time, so that a simulated clock may jump to what comes next. */

import { setTimeout as delay } from 'node:timers/promises'

/** Turns of the event loop in which nothing moves; what is on its way over loopback arrives within one or two. */
const QUIET_TURNS = 6
const SPINNING_TURNS = 200
const TURNS_MAX = 10_000
/** Of node's own list of what it waits for: everything that ends by itself, without a clock. */
const MOVING = /Connect|FSReq|FileHandle|CloseReq|WriteWrap|ShutdownWrap|GetAddrInfo|Zlib|RandomBytes/

/** Modules that are being asked for: vitest asks another process, which takes as long as it takes. */
const loading = (globalThis as { __vitest_worker__?: { resolvingModules?: ReadonlySet<string> } }).__vitest_worker__
const isLoading = (): boolean => (loading?.resolvingModules?.size ?? 0) > 0

/** `activity` grows with everything that happens outside of this process's own memory; `areStill`: the programs of containers. */
export async function quiet(activity: () => number, areStill: () => boolean = () => true): Promise<void> {
  let still = 0
  let seen = activity()
  let areBusy = false
  for (let turn = 0; still < QUIET_TURNS; turn += 1) {
    if (turn > TURNS_MAX)
      throw new Error(`something goes on and on without any time passing (${TURNS_MAX} turns of the event loop)`)
    // A disk or a thread that is slow for once, and programs, are waited for without spinning.
    await (turn < SPINNING_TURNS && !areBusy ? new Promise(setImmediate) : delay(1))
    areBusy = !areStill()
    const isMoving = areBusy || isLoading() || process.getActiveResourcesInfo().some((name) => MOVING.test(name))
    still = isMoving || activity() !== seen ? 0 : still + 1
    seen = activity()
  }
}
