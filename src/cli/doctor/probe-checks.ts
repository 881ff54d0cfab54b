/** The stages of the probe action as checks: the build, push, pull, run and way back that every Dockerfile action takes. */
import type { UserNamespaceChoice } from '../../effects/kubernetes/context/options.ts'
import { userNamespaceOfBuilds } from '../../effects/kubernetes/specs/user-namespace.ts'
import type { Observer } from '../../effects/run/wire.ts'
import type { StepOutput } from '../../machines/container-step.ts'
import { STEP_STAGES, type StageName } from '../../machines/stages.ts'
import { timeInWords } from '../../visualizer/words.ts'
import { ADMISSION } from './admission-checks.ts'
import { BUILDER } from './builder-check.ts'
import { type Check, explain, type Finding, fail, INTERRUPTED, pass, skipped, warn } from './check.ts'
import type { Facts } from './facts.ts'
import { permission } from './permission-checks.ts'
import { type ProbeEnd, runProbe } from './probe-action.ts'
import { stageFix } from './probe-fixes.ts'
import { DELETION, NO_REGISTRY } from './registry-checks.ts'
import { STORAGE } from './runner-pod-checks.ts'

const BUILD = 'Build'
const PUSH = 'Push'
const PULL = 'Pull'
const RUN = 'Run'
const BACK = 'Files come back'
const CLEAN = 'Clean up'

/** `onStage` is told what is being done; `onCancel` as in CliDependencies. */
export interface ProbeWatch {
  readonly onStage: (label: string) => void
  readonly onCancel: (cancel: () => void) => () => void
}

const PREREQUISITES = [STORAGE, ADMISSION, permission('pods/exec'), permission('pods/log'), permission('secrets')]

export function probeChecks(facts: Facts, { onStage, onCancel }: ProbeWatch): readonly Check[] {
  let running: Promise<ProbeEnd> | undefined
  const observer: Observer = (fact) => {
    if (fact.type === 'entered')
      onStage(fact.at === undefined ? fact.state : STEP_STAGES[fact.at.stage as StageName].label)
  }
  const isBuilt = hasRegistry(facts)
  const check = (
    name: string,
    needs: readonly string[],
    stages: readonly StageName[],
    judge: (end: ProbeEnd, signal: AbortSignal) => Finding | Promise<Finding>
  ): Check => ({
    name,
    needs,
    async run(signal) {
      running ??= runProbe(facts, { onCancel, observer }, signal)
      const end = await running
      return failureOf(end, stages) ?? (await judge(end, signal))
    }
  })
  const unbuilt = (name: string): Check => ({ name, needs: [], run: async () => skipped(NO_REGISTRY) })
  const needsOfBuild = [...PREREQUISITES, BUILDER, DELETION]
  const build = check(BUILD, needsOfBuild, ['resolving', 'building'], async ({ output }, signal) =>
    judgeBuild(output, userNamespaceOfBuilds(await facts.site(signal)))
  )
  const push = check(PUSH, [BUILD], ['pushing'], ({ output }) => pass(`it was pushed (${took(output, 'pushing')})`))
  const judgePull = ({ output }: ProbeEnd) =>
    pass(`the kubelet pulled ${output.image} and started it (${took(output, 'pulling')})`)
  return [
    ...(isBuilt ? [build, push] : [unbuilt(BUILD), unbuilt(PUSH)]),
    isBuilt
      ? check(PULL, [PUSH], ['pulling'], judgePull)
      : check(PULL, PREREQUISITES, ['resolving', 'pulling'], judgePull),
    check(RUN, [PULL], ['running'], judgeRun),
    check(BACK, [RUN], ['collecting'], judgeAnswer),
    {
      name: CLEAN,
      needs: [],
      isLast: true,
      run: async () => (running === undefined ? skipped('nothing was created') : judgeCleanup(await running))
    }
  ]
}

function hasRegistry(facts: Facts): boolean {
  try {
    return facts.config().registry !== undefined
  } catch {
    // The check of the settings says why.
    return true
  }
}

/** That the API server keeps the field was seen when the pod was admitted, and a kubelet that cannot do it starts no pod. */
function judgeBuild(output: StepOutput, choice: UserNamespaceChoice): Finding {
  const built = `an image FROM scratch was built in the cluster (${took(output, 'building')})`
  const { lastFailure } = output.stages.building ?? {}
  if (lastFailure?.code === 'user-namespace-unavailable') {
    return warn(`${built}, at the second attempt: ${lastFailure.message}`, stageFix(lastFailure))
  }
  return pass(`${built}; its root was ${choice === 'off' ? 'root' : 'nobody'} on the node`)
}

function took({ stages }: StepOutput, stage: StageName): string {
  const { startedAtMs = 0, endedAtMs = startedAtMs } = stages[stage] ?? {}
  return timeInWords(endedAtMs - startedAtMs)
}

/** Why the walk did not get past some stages; undefined when it did. */
function failureOf({ output, lines }: ProbeEnd, stages: readonly StageName[]): Finding | undefined {
  if (output.outcome === 'cancelled') return skipped(INTERRUPTED)
  const { failure } = output
  if (failure !== undefined && (stages as readonly string[]).includes(failure.stage)) {
    const waiting = failure.code === 'stage-timeout' ? lines.filter((line) => /^Waiting for a node/.test(line)) : []
    return fail([explain(failure), ...waiting].join('\n'), stageFix(failure))
  }
  if (stages.some((stage) => output.stages[stage] !== undefined)) return undefined
  return skipped(`not reached${failure === undefined ? '' : `: ${failure.message}`}`)
}

function judgeRun({ output, isLogged }: ProbeEnd): Finding {
  if (output.exitCode !== 0) {
    return fail(
      `the program exited with ${output.exitCode}: it could not write to the mounted directory`,
      'see that the volume of the work directory takes files of root (no root squash, no read-only claim)'
    )
  }
  if (isLogged) return pass('it ended with exit code 0, and its log was shown')
  return warn(
    'it ended with exit code 0, but its log did not arrive',
    'see whether kubectl logs works in this namespace'
  )
}

const judgeAnswer = ({ isAnswered }: ProbeEnd): Finding =>
  isAnswered
    ? pass('a file that the program wrote is on the runner')
    : fail(
        'the file that the program wrote is not on the runner',
        "see that the runner's work directory is where RUNNER_TEMP says, and that its claim is the one that steps mount"
      )

function judgeCleanup({ output, leftImage }: ProbeEnd): Finding {
  const remaining = [...output.remaining, ...(leftImage === undefined ? [] : [`image ${leftImage}`])]
  if (remaining.length === 0) return pass('nothing is left in the cluster and in the registry')
  return fail(
    `could not be removed: ${remaining.join(', ')}`,
    `remove it by hand, and see that pods and Secrets may be deleted and that the registry allows deletion:\nkubectl delete pods,secrets -l app.kubernetes.io/managed-by=slipway`
  )
}
