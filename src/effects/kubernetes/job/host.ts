/** JobHost on one job pod: planned as a whole, placed with the runner's files, up with all its containers, and looked at. */
import { dirname, join } from 'node:path'
import { StepError } from '../../../errors.ts'
import type { Ledger, LedgerEntry } from '../../../machines/ledger.ts'
import type { JobHost, JobPorts } from '../../../machines/ports.ts'
import type { JobFacts, JobRequest } from '../../../machines/types.ts'
import { removeStaging } from '../../archive/staging.ts'
import { ACTIONS, FILE_COMMANDS, TEMP, TOOLS } from '../../work-tree/layout.ts'
import { isThere, openForEveryUser } from '../../work-tree/rights.ts'
import { logTail } from '../api/logs.ts'
import { createJanitor, isPod, labelled } from '../cleanup/janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { isInWork } from '../context/storage.ts'
import { chooseTransfer } from '../files/choose.ts'
import { target } from '../files/sources.ts'
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

/** What prepare_job needs. The cluster is first looked at when the machine plans, so that failures there are a stage's. */
export function createJobPorts(options: JobOptions, deps: KubernetesDependencies): JobPorts {
  let made: ReturnType<typeof createHost> | undefined
  const host = () => {
    if (made === undefined) throw new StepError('internal', 'the job host is used before it planned anything')
    return made
  }
  return {
    clock: deps.clock,
    host: {
      async plan(request, signal) {
        const site = await discoverSite({ ...options, jobPod: undefined }, deps, signal)
        const nonce = () => deps.randomHex(NONCE_LENGTH)
        const secret = () => objectName(options.runnerPod, 'secret', nonce())
        const plan = planJob(site, chooseTransfer(site).jobPod, request, { secret, nonce: nonce() })
        for (const warning of plan.warnings) deps.reporter.warning(warning)
        const leftovers = await labelled(site.cluster, options.runnerPod, signal)
        refuseForeign(site, leftovers)
        made = createHost(site, plan, options, leftovers)
        return made.ledger
      },
      place: (...args) => host().place(...args),
      start: (...args) => host().start(...args),
      inspect: (...args) => host().inspect(...args)
    },
    janitor: {
      async cleanUp(input, signal) {
        // Nothing was planned, so nothing was created.
        if (input.ledger.length > 0) await host().janitor.cleanUp(input, signal)
      }
    }
  }
}

/** Two runner pods whose names only differ where they are cut would take each other's job pod. What is left over may be removed. */
function refuseForeign({ stranger }: Site, leftovers: Ledger): void {
  if (stranger === undefined || leftovers.some(({ kind, name }) => kind === 'pod' && name === stranger)) return
  throw new StepError(
    'cluster-rejected',
    `the pod ${stranger} exists already and does not belong to this runner: give runner pods names of at most 54 characters`
  )
}

/** `leftovers`: what an earlier job of the same runner pod has left. */
function createHost(site: Site, plan: JobPlan, options: JobOptions, leftovers: Ledger) {
  const { cluster, clock } = site
  const { pod, secrets, expected, isAlone } = plan
  const { startTimeoutMs: timeoutMs } = options
  const name = pod.metadata?.name ?? ''
  const ref = { pod: name, nonce: plan.nonce }
  const schedulingMsMax = timeoutMs - MARGIN_MS
  const hasPredecessor = leftovers.some((entry) => entry.name === name)
  const lost = () =>
    new StepError('run-lost', `the job pod ${name} disappeared: somebody deleted it, or its node is gone`)
  let isSwept = false
  let startedAtMs: number | undefined
  let isFoundAlpine: boolean | undefined

  const host: Omit<JobHost, 'plan'> = {
    async place(request, signal) {
      if (!isSwept) await sweep(site, leftovers, signal)
      isSwept = true
      await prepareDirectories(site, request, plan.directories)
      // Before the pod: the kubelet pulls without a secret that is not there yet.
      await Promise.all(secrets.map((secret) => cluster.createSecret(secret, signal)))
      await cluster.createPod(pod, signal)
      await chooseTransfer(site).copyInJob({ pod: name, lost, hasPredecessor, schedulingMsMax }, signal)
    },

    async start(_request, signal) {
      startedAtMs ??= clock.now()
      const check = createReadiness({ expected, startedAtMs, timeoutMs, clock })
      const stop = new AbortController()
      const either = AbortSignal.any([signal, stop.signal])
      const isUp = waitForPod({ ...site, schedulingMsMax }, name, check, lost, either)
      // Asked meanwhile, so that inspecting finds the answer there.
      const hasAnswered = isAlpineOnceUp(site, ref, either).then((found) => {
        isFoundAlpine = found
        return isAlone ? ('up' as const) : isUp
      })
      const verdict = await Promise.race([isUp, hasAnswered]).finally(() => stop.abort())
      if (verdict !== 'up') throw await explained(site, name, verdict, signal)
    },

    async inspect(_request, signal): Promise<JobFacts> {
      return {
        pod: name,
        storage: site.storage.mode,
        isAlpine: isFoundAlpine ?? (await isAlpine(site, ref, signal))
      }
    }
  }
  const ledger: Ledger = [
    ...secrets.map((secret): LedgerEntry => ({ kind: 'secret', name: secret.metadata?.name ?? '' })),
    { kind: 'pod', name }
  ]
  return { ...host, ledger, janitor: createJanitor(site, undefined) }
}

/** Removes what an earlier job has left, and waits until its names are free. */
async function sweep(site: Site, leftovers: Ledger, signal: AbortSignal): Promise<void> {
  if (leftovers.length === 0) return
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
  const log = await logTail(target(site, pod, container), { lines: LOG_LINES, previous: false }, signal)
  const lines = log.trim() === '' ? [`${container} has written no log`] : [`Last lines of ${container}:`, log.trimEnd()]
  return new StepError(error.code, error.message, {
    detail: [error.detail ?? [], lines].flat().join('\n'),
    cause: error
  })
}
