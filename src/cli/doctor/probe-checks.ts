/** The stages of the probe action as checks: the way that every Dockerfile action takes here, with a registry or in place. */

import type { BuildPlace } from '../../effects/kubernetes/context/build-place.ts'
import type { UserNamespaceChoice } from '../../effects/kubernetes/context/options.ts'
import { userNamespaceOfBuilds } from '../../effects/kubernetes/specs/user-namespace.ts'
import type { Observer } from '../../effects/run/wire.ts'
import type { StepOutput } from '../../machines/container-step.ts'
import { STEP_STAGES, type StageName } from '../../machines/stages.ts'
import { timeInWords } from '../../visualizer/words.ts'
import { ADMISSION } from './admission-checks.ts'
import { BUILDER } from './builder-check.ts'
import { type Check, explain, type Finding, fail, INTERRUPTED, pass, skipped, warn } from './check.ts'
import { type Facts, placeOf } from './facts.ts'
import { permission } from './permission-checks.ts'
import { type ProbeEnd, runProbe } from './probe-action.ts'
import { stageFix } from './probe-fixes.ts'
import { DELETION, NO_REGISTRY, REGISTRY_SECRETS } from './registry-checks.ts'
import { STORAGE } from './runner-pod-checks.ts'

const BUILD = 'Build'
const PUSH = 'Push'
const PULL = 'Pull'
const RUN = 'Run'
const BACK = 'Files come back'
const CLEAN = 'Clean up'

const IN_PLACE = 'not needed: it runs where it was built'

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
  const not = (name: string, why: string): Check => ({ name, needs: [], run: async () => skipped(why) })
  const build = (needs: readonly string[], stage: 'building' | 'buildingInPlace') =>
    check(BUILD, needs, ['resolving', stage], async ({ output }, signal) =>
      judgeBuild(output, stage, userNamespaceOfBuilds(await facts.site(signal)))
    )
  const judgePull = ({ output }: ProbeEnd) =>
    pass(`the kubelet pulled ${output.image} and started it (${took(output, 'pulling')})`)
  const ways: Readonly<Record<BuildPlace, readonly Check[]>> = {
    registry: [
      build([...PREREQUISITES, BUILDER, DELETION], 'building'),
      check(PUSH, [BUILD], ['pushing'], ({ output }) => pass(`it was pushed (${took(output, 'pushing')})`)),
      check(PULL, [PUSH], ['pulling'], judgePull),
      check(RUN, [PULL], ['running'], judgeRun)
    ],
    'in-place': [
      build([...PREREQUISITES, BUILDER, REGISTRY_SECRETS], 'buildingInPlace'),
      not(PUSH, IN_PLACE),
      not(PULL, IN_PLACE),
      check(RUN, [BUILD], ['handingOver', 'running'], judgeRun)
    ],
    nowhere: [
      not(BUILD, NO_REGISTRY),
      not(PUSH, NO_REGISTRY),
      check(PULL, PREREQUISITES, ['resolving', 'pulling'], judgePull),
      check(RUN, [PULL], ['running'], judgeRun)
    ]
  }
  return [
    ...ways[placeOf(facts)],
    check(BACK, [RUN], ['collecting'], judgeAnswer),
    {
      name: CLEAN,
      needs: [],
      isLast: true,
      run: async () => (running === undefined ? skipped('nothing was created') : judgeCleanup(await running))
    }
  ]
}

/** That the API server keeps the field was seen when the pod was admitted, and a kubelet that cannot do it starts no pod. */
function judgeBuild(output: StepOutput, stage: 'building' | 'buildingInPlace', choice: UserNamespaceChoice): Finding {
  const where = stage === 'building' ? 'in the cluster' : 'in the container that then runs it'
  const built = `an image FROM scratch was built ${where} (${took(output, stage)})`
  const { lastFailure } = output.stages[stage] ?? {}
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
