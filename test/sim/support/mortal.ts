/** The time of a process that may be killed, for processes that are none here: one that has ended gets no time any more. */
import type { Clock } from '../../../src/machines/ports.ts'

export const mortal = (clock: Clock, isDead: () => boolean): Clock => ({
  ...clock,
  async sleep(ms, signal) {
    await clock.sleep(ms, signal)
    if (isDead()) await new Promise(() => {})
  }
})
