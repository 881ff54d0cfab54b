/** ARC's controller, the stand-in for GitHub and volumes, put into the cluster once for all cases, and taken out of it again. */
import { rm } from 'node:fs/promises'
import { ARC_CHARTS, IMAGES } from '../support/images.ts'
import { apply, eventually, get, kubectl } from '../support/kubectl.ts'
import { mustRun, runProcess } from '../support/process.ts'
import { runnerPods, SCALE_SET_LABEL } from './jobs.ts'
import {
  githubStandIn,
  RUNNERS,
  runnerVolumes,
  STORAGE_CLASS,
  SYSTEM,
  VOLUMES_DIRECTORY,
  volumeNames
} from './objects.ts'

const CONTROLLER = 'arc'
const LISTENING_MS_MAX = 60_000
const LISTENER_LOG_LINES = 20
const [REPOSITORY = '', TAG = ''] = IMAGES.arc.split(':')
const GONE_MS_MAX = 90_000
/** ARC's own kinds; those that it holds by a finalizer come with the namespaces. */
const KINDS = ['autoscalingrunnersets', 'ephemeralrunnersets', 'ephemeralrunners', 'autoscalinglisteners'].map(
  (kind) => `${kind}.actions.github.com`
)
const HELD = [...KINDS, 'roles', 'rolebindings', 'serviceaccounts', 'secrets']

/** As ARC's own documentation installs the controller; resolves when it and the stand-in are ready. */
export async function installArc(): Promise<void> {
  await kubectl(['create', 'namespace', SYSTEM])
  const [node] = await get<{ readonly metadata: { readonly name: string } }>(['nodes'])
  const name = node?.metadata.name ?? ''
  await apply(...(await githubStandIn()), ...runnerVolumes(name), directoriesOn(name))
  const values = { 'image.repository': REPOSITORY, 'image.tag': TAG, 'flags.logLevel': 'info' }
  const set = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const chart = `${ARC_CHARTS}/gha-runner-scale-set-controller`
  await mustRun('helm', ['install', CONTROLLER, chart, '--namespace', SYSTEM, ...set, '--wait', '--timeout', '2m'])
  const inSystem = ['-n', SYSTEM, '--timeout=60s']
  await kubectl(['wait', 'pod/github', ...inSystem, '--for=condition=Ready'])
  await kubectl(['wait', 'pod/directories', ...inSystem, '--for=jsonpath={.status.phase}=Succeeded'])
}

/** Makes the volumes' directories, which a kind `local` needs. */
function directoriesOn(nodeName: string): object {
  const command = ['sh', '-c', `cd /volumes && rm -rf * && mkdir ${volumeNames().join(' ')}`]
  const volumeMounts = [{ name: 'volumes', mountPath: '/volumes' }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'directories', namespace: SYSTEM },
    spec: {
      nodeName,
      restartPolicy: 'Never',
      containers: [{ name: 'directories', image: IMAGES.busybox, command, volumeMounts }],
      volumes: [{ name: 'volumes', hostPath: { path: VOLUMES_DIRECTORY, type: 'DirectoryOrCreate' } }]
    }
  }
}

/** Removes everything, also after a try that failed in the middle: then by force, because ARC holds its objects by finalizers. */
export async function removeArc(): Promise<void> {
  if ((await runProcess('kubectl', ['get', 'namespace', SYSTEM])).exitCode === 0) {
    await uninstallScaleSets().catch(letGo)
    await runProcess('helm', ['uninstall', CONTROLLER, '--namespace', SYSTEM, '--wait'])
  }
  const definitions = KINDS.map((kind) => `customresourcedefinition/${kind}`)
  const volumes = [
    `storageclass/${STORAGE_CLASS}`,
    ...volumeNames().map((name) => `persistentvolume/${STORAGE_CLASS}-${name}`)
  ]
  const names = [...definitions, `namespace/${RUNNERS}`, `namespace/${SYSTEM}`, ...volumes]
  await kubectl(['delete', ...names, '--ignore-not-found', '--timeout=120s'])
  // On another machine's node the directory stays; on the one-node cluster it is on this machine's disk.
  await rm(VOLUMES_DIRECTORY, { recursive: true, force: true })
}

/** The orderly way, in which the controller removes runners and its own objects; rejects when something stays. */
export async function uninstallScaleSets(): Promise<void> {
  const { stdout } = await mustRun('helm', ['list', '--namespace', RUNNERS, '--short'])
  for (const name of stdout.split('\n').filter((line) => line !== '')) {
    await mustRun('helm', ['uninstall', name, '--namespace', RUNNERS])
  }
  await eventually('the end of all scale sets', GONE_MS_MAX, async () => {
    const { stdout: left } = await kubectl(['get', KINDS.join(','), '--all-namespaces', '-o', 'name'])
    return left === ''
  })
}

/**
 * Resolves when a runner of the scale set waits. Once, of some ten installations, the listener of one scale set of two ended right after
 * each start, for ten minutes, without anything of Slipway's in it; what it says is printed then, and ARC makes it anew.
 */
export async function awaitRunners(scaleSet: string): Promise<void> {
  const waits = async () => (await runnerPods(scaleSet)).length > 0
  await eventually(`a runner of ${scaleSet}`, LISTENING_MS_MAX, waits).catch(async ({ message }: Error) => {
    const { stdout: sets } = await runProcess('kubectl', ['get', KINDS.join(','), '--all-namespaces', '-o', 'wide'])
    const of = ['-n', SYSTEM, '-l', `${SCALE_SET_LABEL}=${scaleSet}`]
    const log = await runProcess('kubectl', ['logs', ...of, `--tail=${LISTENER_LOG_LINES}`])
    console.warn(`${message}; its listener is made anew\n${sets}\n${log.stdout}${log.stderr}`)
    await kubectl(['delete', 'autoscalinglisteners.actions.github.com', ...of, '--timeout=60s'])
  })
}

async function letGo(): Promise<void> {
  for (const namespace of [RUNNERS, SYSTEM]) {
    for (const kind of HELD) {
      const { stdout } = await runProcess('kubectl', ['get', kind, '-n', namespace, '-o', 'name'])
      const names = stdout.split('\n').filter((line) => line !== '')
      if (names.length === 0) continue
      const patch = ['--type=merge', '-p', '{"metadata":{"finalizers":null}}']
      await runProcess('kubectl', ['patch', ...names, '-n', namespace, ...patch])
    }
  }
}
