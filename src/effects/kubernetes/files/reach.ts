/** One command in a container that has to be running, for what is copied out of it or through it: a refusal is told as what befell the pod. */
import { StepError } from '../../../errors.ts'
import { containerIn } from '../api/container.ts'
import { ExecRefused, type ExecRequest, type ExecResult, exec, isExecForbidden } from '../api/exec.ts'
import type { Site } from '../context/site.ts'
import { verdictOn } from '../pods/status.ts'

/** Rejects as `exec` does, but with the end of the pod or of the container where that is why it was refused. */
export async function execIn(
  site: Site,
  { pod, container }: { readonly pod: string; readonly container: string },
  request: Pick<ExecRequest, 'command' | 'stdin' | 'stdout'>,
  signal: AbortSignal
): Promise<ExecResult> {
  try {
    return await exec({ ...containerIn(site.cluster, pod, container), ...request }, signal)
  } catch (error) {
    if (!(error instanceof ExecRefused) || isExecForbidden(error)) throw error
    throw (await whatBefell(site, pod, container, signal)) ?? error
  }
}

/** Undefined when the container runs: then the refusal may pass. */
async function whatBefell(
  { cluster }: Site,
  name: string,
  container: string,
  signal: AbortSignal
): Promise<StepError | undefined> {
  const pod = await cluster.getPod(name, signal)
  if (pod === undefined) {
    return new StepError('run-lost', `the pod ${name} is gone: it was deleted, evicted, or its node was lost`)
  }
  const verdict = verdictOn(pod, container)
  if (verdict.is === 'lost' || verdict.is === 'blocked') return verdict.failure
  if (verdict.is !== 'ended') return undefined
  return verdict.failure ?? new StepError('run-lost', `the container ${container} of pod ${name} has ended`)
}
