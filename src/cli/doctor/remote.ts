/** Doctor from outside: brings itself into the runner pod and runs there, where the hook's environment, account and network are. */
import { readFile } from 'node:fs/promises'
import { PassThrough, Readable, Writable } from 'node:stream'
import type { V1Pod, V1PodList } from '@kubernetes/client-node'
import type { ContainerAddress } from '../../effects/kubernetes/api/container.ts'
import { apiError, isNotFound } from '../../effects/kubernetes/api/errors.ts'
import { ExecRefused, exec } from '../../effects/kubernetes/api/exec.ts'
import { runnerContainer } from '../../effects/kubernetes/context/storage.ts'
import { timeoutSignal } from '../../effects/system.ts'
import { toStepError } from '../../errors.ts'
import { ARCHITECTURES, checkArchitectures } from './architectures.ts'
import { type Check, explain, type Finding, fail, type Listener, pass, type Result, skipped } from './check.ts'
import { API, VERSION } from './cluster-checks.ts'
import { ask, type Facts } from './facts.ts'
import { checkHookVersion } from './hook-version.ts'
import { readLines } from './remote-lines.ts'

const POD = 'Runner pod'
const HOOK_VERSION = 'Hook version'
/** Everything that the hook's environment, account and network have a part in. */
export const FROM_POD = 'From the runner pod'

export interface RemoteOptions {
  readonly runnerPod: string | undefined
  /** Undefined: the one called runner. */
  readonly container: string | undefined
  /** This program's one file. */
  readonly programPath: string
  /** Passed on to the doctor in the pod. */
  readonly args: readonly string[]
  /** Of the checks that the doctor in the pod makes. */
  readonly names: readonly string[]
}

const LIST_ITEMS_MAX = 200
const HOOK_VARIABLE = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const OTHER_LINES_MAX = 20
/** How long the doctor in the pod may take to clean up when it is told to stop. */
const STOP_MS_MAX = 60_000
/** Of the path that the pod gives to the program. */
const PATH_LENGTH_MAX = 4_096

/** The last of these checks tells `inner` of everything that is found in the pod. */
export function remoteChecks(facts: Facts, options: RemoteOptions, inner: Listener): readonly Check[] {
  let pod: V1Pod | undefined
  return [
    {
      name: POD,
      needs: [API, VERSION],
      async run(signal) {
        if (options.runnerPod === undefined)
          return skipped(
            `settings, Role, storage, template, admission, registry, builder and the run are looked at from a runner pod only; ${await suggestion(facts, signal)}`
          )
        pod = await findPod(facts, options.runnerPod, signal)
        return await judgePod(facts, pod, options, signal)
      }
    },
    {
      name: HOOK_VERSION,
      needs: [POD],
      run: async (signal) =>
        pod === undefined ? skipped('there is no pod') : await checkHookVersion(facts, pod, signal)
    },
    {
      name: ARCHITECTURES,
      needs: [POD],
      run: async (signal) =>
        pod === undefined ? skipped('there is no pod') : await checkArchitectures(facts, pod, signal)
    },
    {
      name: FROM_POD,
      needs: [POD],
      async run(signal) {
        const { access, namespace } = await facts.access()
        const container = options.container ?? (pod && runnerContainer(pod)?.name) ?? ''
        const target = { access, namespace, pod: options.runnerPod ?? '', container }
        return await runThere(target, options, inner, signal)
      }
    }
  ]
}

async function findPod(facts: Facts, name: string, signal: AbortSignal): Promise<V1Pod | undefined> {
  const { access, namespace } = await facts.access()
  try {
    return await ask<V1Pod>(access, { method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/${name}` }, signal)
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined
    throw apiError(thrown, { verb: 'get', resource: 'pods', name, namespace })
  }
}

async function judgePod(
  facts: Facts,
  pod: V1Pod | undefined,
  { runnerPod, container }: RemoteOptions,
  signal: AbortSignal
): Promise<Finding> {
  const { namespace } = await facts.access()
  if (pod === undefined)
    return fail(`there is no pod ${runnerPod} in namespace ${namespace}`, await suggestion(facts, signal))
  const { phase } = pod.status ?? {}
  if (phase !== 'Running') return fail(`${runnerPod} is ${phase}`, `kubectl describe pod ${runnerPod} -n ${namespace}`)
  const names = pod.spec?.containers.map(({ name }) => name) ?? []
  if (container === undefined || names.includes(container)) return pass(`${runnerPod} runs in namespace ${namespace}`)
  return fail(`${runnerPod} has no container ${container}`, `--container is one of ${names.join(', ')}`)
}

/** Which pods of the namespace look like runners. */
async function suggestion(facts: Facts, signal: AbortSignal): Promise<string> {
  const { access, namespace } = await facts.access()
  const query = { limit: String(LIST_ITEMS_MAX) }
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { items } = await ask<V1PodList>(access, { method: 'GET', path, query }, signal)
  const names = items
    .filter((pod) => runnerContainer(pod)?.env?.some(({ name }) => name === HOOK_VARIABLE))
    .flatMap(({ metadata }) => metadata?.name ?? [])
  if (names.length > 0) return `to name one: slipway doctor --namespace ${namespace} --runner-pod ${names[0]}`
  return `namespace ${namespace} has no pod with ${HOOK_VARIABLE}; give the runner's namespace by --namespace, and let ARC keep a runner waiting (minRunners: 1)`
}

const UPLOAD = 'file=$(mktemp) && cat > "$file" && printf %s "$file"'
/** The runner's image has no node but the runner's own. */
const START = [
  'for node in "$(command -v node)" "$HOME"/externals/node2*/bin/node /home/runner/externals/node2*/bin/node; do',
  '  [ -x "$node" ] && break',
  'done',
  '"$node" "$0" doctor "$@"',
  'code=$?',
  'rm -f "$0"',
  'exit $code'
].join('\n')

async function runThere(
  target: ContainerAddress,
  options: RemoteOptions,
  inner: Listener,
  signal: AbortSignal
): Promise<Finding> {
  try {
    const file = await upload(target, options.programPath, signal)
    // Ending its standard input is how the doctor there is told to stop and clean up, also when this program dies.
    const stdin = new PassThrough()
    const gaveUp = new AbortController()
    const stop = () => {
      stdin.end()
      timeoutSignal(STOP_MS_MAX).addEventListener('abort', () => gaveUp.abort())
    }
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const stdout = new PassThrough()
    const others: string[] = []
    const results: Result[] = []
    const noting: Listener = {
      begins: inner.begins,
      ends(result) {
        results.push(result)
        inner.ends(result)
      }
    }
    const reading = readLines(
      stdout,
      options.names,
      noting,
      (text) => void (others.length < OTHER_LINES_MAX && others.push(text))
    )
    reading.catch(() => {})
    const command = ['sh', '-c', START, file, '--remote', ...options.args]
    const { stderr } = await exec({ ...target, command, stdin, stdout }, gaveUp.signal)
    await reading
    signal.removeEventListener('abort', stop)
    if (results.length === options.names.length) return pass(`ran in container ${target.container}`)
    const words = [...others, stderr].join('\n').trim() || 'it said nothing'
    if (results.length > 0) {
      const missing = options.names.filter((name) => !results.some((result) => result.name === name))
      return fail(`doctor in container ${target.container} did not get as far as ${missing.join(', ')}:\n${words}`)
    }
    return fail(
      `doctor could not run in container ${target.container}:\n${words}`,
      `--container names the runner's own container; it needs node 20 or newer, as GitHub's runner image has it`
    )
  } catch (thrown) {
    if (thrown instanceof ExecRefused && thrown.status === 403) {
      const name = `${target.namespace}/${target.pod}`
      return fail(
        `you may not run programs in pod ${name}`,
        `use an account that may create pods/exec in namespace ${target.namespace}`
      )
    }
    return fail(explain(toStepError(thrown)), `run it in the pod by hand (docs/doctor.md)`)
  }
}

async function upload(target: ContainerAddress, programPath: string, signal: AbortSignal): Promise<string> {
  const program = await readFile(programPath)
  let path = ''
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      path += String(chunk)
      done(path.length > PATH_LENGTH_MAX ? new Error('what it said is no path') : undefined)
    }
  })
  const command = ['sh', '-c', UPLOAD]
  const { exitCode, stderr } = await exec({ ...target, command, stdin: Readable.from([program]), stdout }, signal)
  if (exitCode !== 0) throw new Error(`its program could not be put there: ${stderr}`)
  return path
}
