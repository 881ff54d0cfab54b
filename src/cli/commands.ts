/** All commands of `slipway`, in the order of --help and docs/cli.md. */

import type { Command } from './command.ts'
import { completion } from './completion.ts'
import { demo } from './demo.ts'
import { diagram } from './diagram.ts'
import { doctor } from './doctor.ts'
import { gc } from './gc.ts'
import { replay } from './replay.ts'
import { run } from './run.ts'

export const COMMANDS: readonly Command[] = [
  run,
  demo,
  doctor,
  replay,
  diagram,
  gc,
  completion(() => COMMANDS.map(({ declaration }) => declaration))
]
