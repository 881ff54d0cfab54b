/** The process that builds a Dockerfile ahead of its step, as far as a process can be one here. */
import { createAheadBackend } from '../../../src/effects/kubernetes/container-step/ahead.ts'
import type { KubernetesOptions } from '../../../src/effects/kubernetes/context/options.ts'
import { createReporter } from '../../../src/effects/log/reporter.ts'
import { runAheadBuild } from '../../../src/effects/run/wire.ts'
import type { AheadOutput } from '../../../src/machines/ahead-build.ts'
import type { Clock } from '../../../src/machines/ports.ts'
import { AHEAD_BUDGETS } from '../../../src/machines/stages.ts'
import type { StepRequest } from '../../../src/machines/types.ts'
import { mortal } from './mortal.ts'
import type { AheadStory } from './story.ts'

const never = new AbortController().signal

interface Ahead {
  /** Undefined: there was nothing to build. */
  readonly ended: Promise<AheadOutput | undefined>
  readonly killed: Promise<void>
}

export function startAhead(
  options: KubernetesOptions,
  { dockerfile, mounts }: StepRequest,
  { clock, randomHex }: { readonly clock: Clock; readonly randomHex: (length: number) => string },
  { killedAtMs }: AheadStory
): Ahead {
  let isDead = false
  const killed = (killedAtMs === undefined ? new Promise<void>(() => {}) : clock.sleep(killedAtMs, never)).then(() => {
    isDead = true
  })
  const reporter = createReporter(() => {})
  const { ports, jobEnds } = createAheadBackend(options, { clock: mortal(clock, () => isDead), reporter, randomHex })
  const onCancel = (cancel: () => void) => {
    const over = new AbortController()
    void jobEnds(over.signal).then(cancel, () => {})
    return () => over.abort()
  }
  const build = async () =>
    dockerfile === undefined
      ? undefined
      : await runAheadBuild({ request: { dockerfile, mounts }, ports, budgets: AHEAD_BUDGETS, observers: [], onCancel })
  return { ended: build(), killed }
}
