/** The program `sleep` of the simulated containers: it asks the simulated clock, over named pipes that all containers see. */

import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, constants, mkdirSync, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../../src/machines/ports.ts'
import type { Bind } from './container.ts'
import type { Processes } from './processes.ts'

const TARGET = '/.clock'
const STAND_IN = `#!/bin/sh
read -r id </.container
mkfifo ${TARGET}/$id-$$ || exit 1
echo "$id-$$ $1" >${TARGET}/asks
read -r line <${TARGET}/$id-$$
exit 0
`

export interface Sleepers {
  /** Has to be mounted into every container. */
  readonly bind: Bind
  close(): void
}

export function createSleepers(directory: string, clock: Clock, processes: Processes): Sleepers {
  mkdirSync(directory)
  writeFileSync(join(directory, 'sleep'), STAND_IN)
  chmodSync(directory, 0o777)
  chmodSync(join(directory, 'sleep'), 0o755)
  const asks = join(directory, 'asks')
  spawnSync('mkfifo', ['-m', '666', asks])
  const wake = (who: string) => {
    const path = join(directory, who)
    try {
      const pipe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
      processes.touch()
      writeSync(pipe, '\n')
      closeSync(pipe)
    } catch {
      // It was killed.
    }
    unlinkSync(path)
  }
  // Read and write, so that it never ends.
  const socket = new Socket({
    fd: openSync(asks, constants.O_RDWR | constants.O_NONBLOCK),
    readable: true,
    writable: false
  })
  let rest = ''
  socket.on('data', (chunk) => {
    processes.touch()
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [who = '', seconds = ''] = line.split(' ')
      const ms = Number(seconds) * 1_000
      clock.sleep(Number.isFinite(ms) ? ms : Number.POSITIVE_INFINITY, new AbortController().signal).then(
        () => wake(who),
        () => {}
      )
    }
  })
  return {
    bind: { source: directory, target: TARGET, readOnly: false },
    close() {
      socket.destroy()
    }
  }
}
