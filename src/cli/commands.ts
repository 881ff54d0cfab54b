/** All commands of `slipway`, in the order of --help and docs/cli.md. */
import { completion } from './completion.ts'
import { demo } from './demo.ts'
import { diagram } from './diagram.ts'
import { doctor } from './doctor.ts'
import { gc } from './gc.ts'
import { replay } from './replay.ts'
import { run } from './run.ts'
import type { Command } from './world.ts'

export const COMMANDS: readonly Command[] = [
  run,
  demo,
  doctor,
  replay,
  diagram,
  gc,
  completion(() => COMMANDS.map(({ declaration }) => declaration))
]
