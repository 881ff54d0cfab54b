/**
 * Starts build_ahead as a process of its own as soon as the job pod is placed, for prepare_job, which does not wait for it. The process
 * has this one's environment, and ends by itself with the job.
 */
import type { spawn } from 'node:child_process'
import type { setPriority } from 'node:os'
import { findActions } from '../effects/content/actions.ts'
import { buildPlaceOf } from '../effects/kubernetes/context/build-place.ts'
import type { Observer } from '../effects/run/wire.ts'
import { workDirectoryOf } from '../effects/work-tree/layout.ts'
import type { CommandContext } from './context.ts'
import type { HookConfig } from './settings/config.ts'

/** What is built ahead gives way to what somebody waits for. */
const NICENESS = 10

export interface Detaching {
  readonly spawn: typeof spawn
  readonly setPriority: typeof setPriority
}

/** Starts this same program with an input that says nothing but the command. Resolves when the process has it; never rejects. */
export async function startDetached(host: NodeJS.Process, { spawn, setPriority }: Detaching): Promise<void> {
  await new Promise<void>((resolve) => {
    const child = spawn(host.execPath, [...host.execArgv, host.argv[1] ?? ''], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore']
    })
    child.on('error', () => resolve())
    child.stdin.on('error', () => resolve())
    child.stdin.end(`${JSON.stringify({ command: 'build_ahead' })}\n`, () => resolve())
    child.unref()
    try {
      if (child.pid !== undefined) setPriority(child.pid, NICENESS)
    } catch {
      // Then it has the priority of everybody.
    }
  })
}

const isWanted = (config: HookConfig): boolean => config.buildAhead !== 'off' && buildPlaceOf(config) !== 'nowhere'

export interface AheadStart {
  readonly observer: Observer
  /** Resolves when nothing of it is to be done in this process any more. */
  readonly done: () => Promise<void>
}

/** Looks for Dockerfiles while the job pod starts: most jobs have none, and need no process. */
export function aheadStart({ config, startAhead }: CommandContext): AheadStart {
  let starting: Promise<void> | undefined
  const start = async () => {
    const found = await findActions(workDirectoryOf(config.paths))
    if (found.length > 0) await startAhead()
  }
  return {
    observer(fact) {
      if (starting !== undefined || !isWanted(config)) return
      // Whatever goes wrong there, no job fails for it.
      if (fact.type === 'entered' && fact.at?.stage === 'starting') starting = start().catch(() => {})
    },
    async done() {
      await starting
    }
  }
}
