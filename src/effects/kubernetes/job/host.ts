/** JobHost on one job pod: planned as a whole, placed with the runner's files, up with all its containers, and looked at. */

import { dirname, join } from 'node:path'
import { StepError } from '../../../errors.ts'
import type { JobInput } from '../../../machines/inputs.ts'
import type { Ledger, LedgerEntry } from '../../../machines/ledger.ts'
import type { JobHost, JobPorts } from '../../../machines/ports.ts'
import type { JobFacts, JobRequest } from '../../../machines/types.ts'
import { removeStaging } from '../../archive/staging.ts'
import { remembered } from '../../remembered.ts'
import { ACTIONS, FILE_COMMANDS, TEMP, TOOLS } from '../../work-tree/layout.ts'
import { isThere, openForEveryUser } from '../../work-tree/rights.ts'
import { containerIn } from '../api/container.ts'
import { logTail } from '../api/logs.ts'
import { createJanitor, isPod, labelled } from '../cleanup/janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { isInWork } from '../context/storage.ts'
import { chooseTransfer } from '../files/choose.ts'
import { objectName } from '../names.ts'
import { waitForPod } from '../pods/wait.ts'
import { type JobPlan, planJob } from '../specs/job-plan.ts'
import { isAlpine, isAlpineOnceUp } from './inspect.ts'
import { createReadiness, MARGIN_MS, type NotUp } from './readiness.ts'

const NONCE_LENGTH = 8
const GONE_POLL_MS = 100
/** Besides what is mounted by itself: where steps of any user write to. */
const WRITTEN = [TEMP, FILE_COMMANDS, ACTIONS, TOOLS]
/** Of a container that keeps the job from starting. */
const LOG_LINES = 20

export interface JobOptions extends KubernetesOptions {
  /** ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: how long the job pod may take to be up. Milliseconds. */
  readonly startTimeoutMs: number
}

/**
 * What prepare_job needs. The cluster is first looked at when the machine plans, so that failures there are a stage's. Nothing is
 * remembered but that look: each call plans the job again, from the request and the nonce that it is given.
 */
export function createJobPorts(options: JobOptions, deps: KubernetesDependencies): JobPorts {
  const siteOf = remembered((signal) => discoverSite({ ...options, jobPod: undefined }, deps, signal))
  const hostFor = async ({ request, nonce }: JobInput, signal: AbortSignal) => {
    const site = await siteOf(signal)
    return createHost(site, planned(site, request, nonce), options)
  }
  return {
    clock: deps.clock,
    host: {
      async plan(request, signal) {
        const site = await siteOf(signal)
        const nonce = deps.randomHex(NONCE_LENGTH)
        const plan = planned(site, request, nonce)
        for (const warning of plan.warnings) deps.reporter.warning(warning)
        const leftovers = await labelled(site.cluster, options.runnerPod, signal)
        refuseForeign(site, leftovers)
        return { nonce, creates: ledgerOf(plan), leftovers }
      },
      sweep: async (leftovers, signal) => await sweep(await siteOf(signal), leftovers, signal),
      place: async (input, signal) => await (await hostFor(input, signal)).place(input, signal),
      start: async (input, signal) => await (await hostFor(input, signal)).start(input, signal),
      inspect: async (input, signal) => await (await hostFor(input, signal)).inspect(input, signal)
    },
    janitor: {
      async cleanUp(input, signal) {
        // Nothing was planned, so nothing was created.
        if (input.ledger.length > 0) await createJanitor(await siteOf(signal), undefined).cleanUp(input, signal)
      }
    }
  }
}

/** The same nonce gives the same names, so that the plan is the same whenever it is made. */
function planned(site: Site, request: JobRequest, nonce: string): JobPlan {
  let secrets = 0
  const secret = () => {
    secrets += 1
    return objectName(site.runnerPod.metadata?.name ?? '', 'secret', `${nonce}-${secrets}`)
  }
  return planJob(site, chooseTransfer(site).jobPod, request, { secret, nonce })
}

const ledgerOf = ({ secrets, pod }: JobPlan): Ledger => [
  ...secrets.map((secret): LedgerEntry => ({ kind: 'secret', name: secret.metadata?.name ?? '' })),
  { kind: 'pod', name: pod.metadata?.name ?? '' }
]

/** Somebody else's pod of that name would be taken for the job pod. What is left over may be removed. */
function refuseForeign({ stranger, cluster }: Site, leftovers: Ledger): void {
  if (stranger === undefined || leftovers.some(({ kind, name }) => kind === 'pod' && name === stranger)) return
  throw new StepError(
    'cluster-rejected',
    `the pod ${stranger} exists already and does not belong to this runner: delete it if nothing uses it (kubectl delete pod ${stranger} -n ${cluster.namespace}), and run the job again`
  )
}

function createHost(site: Site, plan: JobPlan, options: JobOptions): Omit<JobHost, 'plan' | 'sweep'> {
  const { cluster, clock } = site
  const { pod, secrets, expected, isAlone } = plan
  const { startTimeoutMs: timeoutMs } = options
  const name = pod.metadata?.name ?? ''
  const ref = { pod: name, nonce: plan.nonce }
  const schedulingMsMax = timeoutMs - MARGIN_MS
  const lost = () =>
    new StepError('run-lost', `the job pod ${name} disappeared: somebody deleted it, or its node is gone`)

  return {
    async place({ request, leftovers }, signal) {
      await prepareDirectories(site, request, plan.directories)
      // Before the pod: the kubelet pulls without a secret that is not there yet.
      await Promise.all(secrets.map((secret) => cluster.createSecret(secret, signal)))
      await cluster.createPod(pod, signal)
      const hasPredecessor = leftovers.some((entry) => entry.name === name)
      await chooseTransfer(site).copyInJob({ pod: name, lost, hasPredecessor, schedulingMsMax }, signal)
    },

    async start({ startedAtMs }, signal) {
      const check = createReadiness({ expected, startedAtMs, timeoutMs, clock })
      const stop = new AbortController()
      const either = AbortSignal.any([signal, stop.signal])
      const isUp = waitForPod({ ...site, schedulingMsMax, settingUpMsMax: schedulingMsMax }, name, check, lost, either)
      let isFoundAlpine: boolean | undefined
      // Asked meanwhile, so that inspecting finds the answer there.
      const hasAnswered = isAlpineOnceUp(site, ref, either).then((found) => {
        isFoundAlpine = found
        return isAlone ? ('up' as const) : isUp
      })
      const verdict = await Promise.race([isUp, hasAnswered]).finally(() => stop.abort())
      if (verdict !== 'up') throw await explained(site, name, verdict, signal)
      return { isAlpine: isFoundAlpine }
    },

    async inspect({ isAlpine: isFoundAlpine }, signal): Promise<JobFacts> {
      return {
        pod: name,
        storage: site.storage.mode,
        isAlpine: isFoundAlpine ?? (await isAlpine(site, ref, signal))
      }
    }
  }
}

/** Removes what an earlier job has left, and waits until its names are free. */
async function sweep(site: Site, leftovers: Ledger, signal: AbortSignal): Promise<void> {
  const { cluster, clock, reporter } = site
  reporter.line(`Removing what an earlier job left: ${leftovers.map(({ kind, name }) => `${kind} ${name}`).join(', ')}`)
  await createJanitor(site, undefined).cleanUp({ ledger: leftovers, hurried: false, pushState: 'possible' }, signal)
  const pods = leftovers.filter(isPod)
  // Bounded by the signal: every stage has a budget.
  for (const { name } of pods) {
    while ((await cluster.getPod(name, signal)) !== undefined) await clock.sleep(GONE_POLL_MS, signal)
  }
}

/** Makes what containers will write to, for every user; sources of user volumes are made like docker makes them. */
async function prepareDirectories(
  { storage, workspacePath }: Site,
  { mounts }: JobRequest,
  userDirectories: readonly string[]
): Promise<void> {
  const { workDirectory } = storage
  const mounted = mounts.filter(({ source, readOnly }) => !readOnly && isInWork(storage, source))
  const written = [...WRITTEN, dirname(workspacePath), workspacePath].map((path) => join(workDirectory, path))
  await removeStaging(workDirectory)
  await openForEveryUser(workDirectory, [...mounted.map(({ source }) => source), ...written])
  for (const directory of userDirectories) {
    if (!(await isThere(workDirectory, directory))) await openForEveryUser(workDirectory, [directory])
  }
}

/** The failure, with the last lines of the container that caused it. */
async function explained(
  site: Site,
  pod: string,
  { error, container }: NotUp,
  signal: AbortSignal
): Promise<StepError> {
  if (container === undefined) return error
  const log = await logTail(containerIn(site.cluster, pod, container), { lines: LOG_LINES, previous: false }, signal)
  const lines = log.trim() === '' ? [`${container} has written no log`] : [`Last lines of ${container}:`, log.trimEnd()]
  return new StepError(error.code, error.message, {
    detail: [error.detail ?? [], lines].flat().join('\n'),
    cause: error
  })
}
