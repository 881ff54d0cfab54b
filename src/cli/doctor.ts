/** `slipway doctor`: looks at a set-up the way the hook meets it, and says of everything that is wrong how to put it right. */
import { randomHex, systemClock } from '../effects/system.ts'
import { SETTINGS } from '../hooks/settings/settings.ts'
import { type CliDependencies, UsageError } from './command.ts'
import { declare } from './command-line.ts'
import { INTERRUPTED, type Listener, type Result, runChecks } from './doctor/check.ts'
import { clusterChecks } from './doctor/cluster-checks.ts'
import { createFacts } from './doctor/facts.ts'
import { type Examination, examineHere, silent } from './doctor/here.ts'
import { FROM_POD, remoteChecks } from './doctor/remote.ts'
import { createLineWriter } from './doctor/remote-lines.ts'
import { createResultRenderer, reportOf, summaryOf } from './doctor/render.ts'
import { writeJson, writeLine } from './screen.ts'

const DEFAULT_WORK_DIRECTORY = '/home/runner/_work'

const FAILED = 1
const CANCELLED = 130
const REACH = 'see that KUBECONFIG, or ~/.kube/config, is the one that kubectl works with'

interface Options {
  readonly namespace?: string | undefined
  readonly 'runner-pod'?: string | undefined
  readonly container?: string | undefined
  readonly 'work-directory': string
}

async function examine(options: Options, isJson: boolean, deps: CliDependencies, signal: AbortSignal): Promise<number> {
  const results: Result[] = []
  const screen = isJson ? undefined : showing(deps)
  const listener: Listener = {
    begins: (name) => screen?.begins(name),
    ends(result) {
      results.push(result)
      screen?.ends(result)
    }
  }
  const startedAtMs = systemClock.now()
  const { checks, hide } = examinationFor(options, deps, listener)
  await runChecks(checks, signal, { ...listener, ends: (result) => listener.ends(hide(result)) })
  const seconds = ((systemClock.now() - startedAtMs) / 1_000).toFixed(1)
  if (isJson) writeJson(deps.write, reportOf(results))
  else deps.write(`\n${summaryOf(results)} in ${seconds} s\n`)
  return exitCodeOf(results)
}

const exitCodeOf = (results: readonly Result[]): number => {
  if (results.some(({ why }) => why === INTERRUPTED)) return CANCELLED
  return results.some(({ status }) => status === 'fail') ? FAILED : 0
}

/** Where the hook's own settings are, the hook's place is; otherwise it is in the runner pod. */
function examinationFor(options: Options, deps: CliDependencies, listener: Listener): Examination {
  const { namespace, 'runner-pod': runnerPod, container, 'work-directory': workDirectory } = options
  const { environment, onCancel } = deps
  const isAskedFor = (namespace ?? runnerPod ?? container) !== undefined
  const isHere = environment[SETTINGS.runnerPod.variable] || environment[SETTINGS.serviceHost.variable]
  if (!isAskedFor && isHere) return examineHere(environment, workDirectory, { onStage: listener.begins, onCancel })
  const facts = createFacts(
    { ...environment, [SETTINGS.namespace.variable]: namespace },
    { reporter: silent, clock: systemClock, randomHex }
  )
  const programPath = process.argv[1] ?? ''
  const args = ['--work-directory', workDirectory]
  // The doctor in the pod is this program, so it has these checks and no others.
  const { checks: inner } = examineHere({}, workDirectory, { onStage: () => {}, onCancel: () => () => {} })
  const names = inner.map(({ name }) => name)
  const checks = [
    ...clusterChecks(facts, REACH),
    ...remoteChecks(facts, { runnerPod, container, programPath, args, names }, listener)
  ]
  // Names of their own, because the doctor in the pod looks at the same things from there.
  const outside = (name: string) => (name === FROM_POD ? name : `${name} (outside)`)
  return {
    checks: checks.map((check) => ({ ...check, name: outside(check.name), needs: check.needs.map(outside) })),
    // What comes from the pod has been gone through there.
    hide: (result) => result
  }
}

/** The end of standard input is how a command is told to stop: whoever started this there has stopped, or has gone. */
async function runInPod(options: Options, deps: CliDependencies, stopping: AbortController): Promise<number> {
  const lines = createLineWriter(deps.write)
  const cancels = new Set<() => void>([() => stopping.abort()])
  const cancelAll = () => {
    for (const cancel of cancels) cancel()
  }
  process.stdin.once('end', cancelAll).resume()
  const onCancel: CliDependencies['onCancel'] = (cancel) => {
    cancels.add(cancel)
    const stopListening = deps.onCancel(cancel)
    return () => {
      cancels.delete(cancel)
      stopListening()
    }
  }
  try {
    const watch = { onStage: lines.begins, onCancel }
    const { checks, hide } = examineHere(deps.environment, options['work-directory'], watch)
    const hiding: Listener = { begins: lines.begins, ends: (result) => lines.ends(hide(result)) }
    return exitCodeOf(await runChecks(checks, stopping.signal, hiding))
  } finally {
    lines.stop()
    process.stdin.destroy()
  }
}

/** One line for each result; on a terminal also one that says what is being looked at. */
function showing({ write }: CliDependencies): Listener {
  const render = createResultRenderer()
  return {
    begins: (name) => write(`… ${name}`, 'passing'),
    ends: (result) => render(result).forEach((line) => void writeLine(write, line))
  }
}

export const doctor = declare(
  {
    name: 'doctor',
    summary: 'check a set-up, and say what to put right',
    about: `Checks everything that a Dockerfile action needs: API server, Kubernetes version, settings, Role, runner pod, storage mode, pod
template, admission of pods, registry, builder image. At the end it runs a small action of its own: builds it in the
cluster, pushes it, lets the kubelet pull it, runs it, and removes it; without a registry it builds it where it runs it.
Each check says what it saw, and how to put it right.

In a runner pod it takes the environment of the hook. From anywhere else, name the runner pod: doctor then brings itself there.
It leaves nothing behind, also when it is interrupted.`,
    options: {
      namespace: { type: 'string', value: 'NAME', help: "the runner's namespace; without it that of the kubeconfig" },
      'runner-pod': {
        type: 'string',
        value: 'NAME',
        help: 'a running runner pod to look from; without one only the API server is looked at'
      },
      container: { type: 'string', value: 'NAME', help: "the runner's container in that pod; without it runner" },
      'work-directory': {
        type: 'string',
        value: 'DIR',
        default: DEFAULT_WORK_DIRECTORY,
        help: "the runner's work directory"
      },
      json: {
        type: 'boolean',
        help: 'one JSON document: ok, counts, and for each check its name, status, why and fix'
      },
      remote: { type: 'boolean', hidden: true, help: 'how doctor starts itself in the runner pod' }
    },
    examples: [
      ['slipway doctor --namespace arc-runners --runner-pod my-scale-set-x7k2p-runner-4bq9z'],
      ['slipway doctor --runner-pod NAME --json | jq \'.checks[] | select(.status == "fail")\''],
      ['slipway doctor', 'in a runner pod']
    ],
    exitCodes: [
      [0, 'nothing failed'],
      [1, 'something failed; the fix is printed'],
      [2, 'the command line is wrong'],
      [130, 'interrupted']
    ]
  },
  async ({ values }, deps) => {
    if (!values['work-directory'].startsWith('/')) {
      throw new UsageError('doctor: --work-directory has to be an absolute path')
    }
    const stopping = new AbortController()
    const stopListening = deps.onCancel(() => stopping.abort())
    try {
      if (values.remote) return await runInPod(values, deps, stopping)
      return await examine(values, values.json, deps, stopping.signal)
    } finally {
      stopListening()
    }
  }
)
