/** A pod laid out like ARC's runner pod, with the hook installed: what the cluster suite drives the hook from. */
import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { pack } from 'tar-stream'
import { IMAGES } from './images.ts'
import { apply, eventually, kubectl } from './kubectl.ts'
import { type Finished, type ProcessOptions, runProcess } from './process.ts'
import { SERVICE_ACCOUNT } from './test-namespace.ts'
import { expectTrueTraces } from './trace-check.ts'

export type StorageMode = 'copy' | 'volume'
export const STORAGE_MODES: readonly StorageMode[] = ['copy', 'volume']

export const HOME = '/home/runner'
export const WORK = `${HOME}/_work`
export const TEMP = `${WORK}/_temp`
export const WORKSPACE = `${WORK}/repo/repo`
/** Where hooks leave their traces unless they are told another place. */
export const TRACES = `${HOME}/_diag/slipway`
export const HOOK = `${HOME}/k8s/index.js`
export const NODE = `${HOME}/externals/node20/bin/node`
/** Leads to the runner pod itself. */
export const PROXIED_API_SERVER = 'kubernetes.default.svc'
const CONTAINER = 'runner'
const RUNNER_UID = 1001
const READ_SECONDS_MAX = '10'

/** Directories the real runner has made before it calls a hook. */
const LAYOUT = [
  WORKSPACE,
  `${TEMP}/_github_home`,
  `${TEMP}/_github_workflow`,
  `${TEMP}/_runner_file_commands`,
  `${TEMP}/_runner_hook_responses`,
  `${WORK}/_actions`,
  `${WORK}/_tool`,
  `${HOME}/_diag`
]

/** Contents of a file; the executable bit is set for `program`. */
export type FileContents = string | { readonly program: string }
/** Files by their path below some directory. */
export type Tree = Readonly<Record<string, FileContents>>

export interface RunnerPod {
  readonly name: string
  readonly namespace: string
  readonly mode: StorageMode
  /** Runs a program in the runner's container, as the runner's user. */
  exec(command: readonly string[], options?: ProcessOptions): Promise<Finished>
  /** Writes files onto the runner's disk. */
  write(directory: string, tree: Tree): Promise<void>
  /** Contents of a file on the runner's disk, links followed; undefined when there is none. */
  read(path: string): Promise<string | undefined>
  /** Rejects, once the pod is gone, when a trace that hooks have left in it is not true. */
  remove(): Promise<void>
}

/** Whether a pod is one that createRunnerPod made. */
export const isRunnerPod = (name: string): boolean => /^runner-(copy|volume)-[0-9a-f]{8}$/.test(name)

/** Where the claim of a runner pod of mode volume is on the node's disk. */
export const volumeDirectory = (name: string): string => `/var/tmp/slipway-test/${name}`

/** Starts a runner pod, lays out its disk, and installs the built hook. `change` may make another pod of the usual one. */
export async function createRunnerPod(
  namespace: string,
  mode: StorageMode,
  change = (pod: V1Pod): V1Pod => pod,
  directoryOf = volumeDirectory
): Promise<RunnerPod> {
  const name = `runner-${mode}-${randomBytes(4).toString('hex')}`
  const hostPath = directoryOf(name)
  if (mode === 'volume') await apply(persistentVolume(name, hostPath))
  const made = change(runnerPod(name, namespace, mode))
  await apply(made)
  const claimName = made.spec?.volumes?.find((volume) => volume.persistentVolumeClaim)?.persistentVolumeClaim?.claimName
  if (claimName !== undefined) await apply(claim(claimName, namespace, name))
  if (mode === 'volume') await openGate(name, namespace)
  await kubectl(['wait', '-n', namespace, `pod/${name}`, '--for=condition=Ready', '--timeout=120s'])
  const access = accessTo(name, namespace)
  const removePod = async () => {
    await kubectl(['delete', 'pod', '-n', namespace, name, '--ignore-not-found', '--grace-period=0', '--force'])
    if (mode === 'copy') return
    await kubectl(['delete', 'persistentvolume', name, '--ignore-not-found', '--wait=false'])
    // On another machine's node the directory stays; on the one-node cluster it is on this machine's disk.
    await rm(hostPath, { recursive: true, force: true })
  }
  const pod: RunnerPod = {
    name,
    namespace,
    mode,
    ...access,
    async remove() {
      try {
        await expectTrueTraces(access.exec, TRACES)
      } finally {
        await removePod()
      }
    }
  }
  await layOut(pod)
  const bundle = await readFile(new URL('../../../dist/index.js', import.meta.url), 'utf8')
  await pod.write(`${HOME}/k8s`, { 'index.js': bundle })
  return pod
}

/** What tests do in a runner pod that is there, whoever made it. */
export function accessTo(name: string, namespace: string): Pick<RunnerPod, 'exec' | 'write' | 'read'> {
  const exec: RunnerPod['exec'] = (command, options) =>
    runProcess('kubectl', ['exec', '-i', '-n', namespace, name, '-c', CONTAINER, '--', ...command], options)
  return {
    exec,
    async write(directory, tree) {
      const unpack = 'mkdir -p "$0" && exec tar -x -C "$0"'
      await mustExec(exec, ['sh', '-c', unpack, directory], { input: await archive(tree) })
    },
    async read(path) {
      // A pipe in the place of a file is nothing to wait for.
      const { exitCode, stdout } = await exec(['timeout', READ_SECONDS_MAX, 'cat', path])
      return exitCode === 0 ? stdout : undefined
    }
  }
}

export const layOut = async ({ exec }: Pick<RunnerPod, 'exec'>): Promise<void> =>
  void (await mustExec(exec, ['mkdir', '-p', ...LAYOUT]))

/** Until the claim is bound: a scheduler that finds it unbound may not look again for five minutes. */
const GATE = 'slipway-test/claim-bound'
const BOUND_TIMEOUT_MS = 60_000

async function openGate(name: string, namespace: string): Promise<void> {
  const phase = ['get', 'persistentvolumeclaim', `${name}-work`, '-n', namespace, '-o', 'jsonpath={.status.phase}']
  await eventually(`the binding of ${name}-work`, BOUND_TIMEOUT_MS, async () => {
    // The claim is made by a controller once it has seen the pod; until then this fails.
    return (await runProcess('kubectl', phase)).stdout === 'Bound'
  })
  const open = [{ op: 'remove', path: '/spec/schedulingGates' }]
  await kubectl(['patch', 'pod', name, '-n', namespace, '--type=json', '-p', JSON.stringify(open)])
}

/** Like `exec`, but a program that fails is an error with what it said. */
export async function mustExec(
  exec: RunnerPod['exec'],
  command: readonly string[],
  options?: ProcessOptions
): Promise<Finished> {
  const finished = await exec(command, options)
  const { exitCode, stdout, stderr } = finished
  if (exitCode !== 0) throw new Error(`${command.join(' ')} exited with ${exitCode}: ${stdout}${stderr}`)
  return finished
}

async function archive(tree: Tree): Promise<Uint8Array> {
  const tar = pack()
  for (const [name, contents] of Object.entries(tree)) {
    const isProgram = typeof contents !== 'string'
    tar.entry({ name, mode: isProgram ? 0o755 : 0o644 }, isProgram ? contents.program : contents)
  }
  tar.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of tar) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

/** Bound by name and without a class, so that no provisioner is needed. */
const persistentVolume = (name: string, path: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    // The claim asks for the one or the other.
    accessModes: ['ReadWriteOnce', 'ReadWriteMany'],
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: '',
    hostPath: { path, type: 'DirectoryOrCreate' }
  }
})

const claimSpec = (volumeName: string) => ({
  accessModes: ['ReadWriteOnce'],
  storageClassName: '',
  volumeName,
  resources: { requests: { storage: '1Gi' } }
})

/** What a pod that names a claim is given. */
const claim = (name: string, namespace: string, volumeName: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: claimSpec(volumeName)
})

/** ARC's container mode kubernetes: a generic ephemeral volume, whose claim is then called `<pod>-work`. */
const workVolume = (name: string, mode: StorageMode) =>
  mode === 'copy'
    ? { name: 'work', emptyDir: {} }
    : {
        name: 'work',
        ephemeral: { volumeClaimTemplate: { spec: claimSpec(name) } }
      }

function runnerPod(name: string, namespace: string, mode: StorageMode): V1Pod {
  const work = { name: 'work', mountPath: WORK }
  const image = { image: IMAGES.runner, imagePullPolicy: 'IfNotPresent' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      serviceAccountName: SERVICE_ACCOUNT,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      securityContext: { fsGroup: RUNNER_UID },
      // A name of the API server's certificate, for a proxy in this pod that stands in front of it.
      hostAliases: [{ ip: '127.0.0.1', hostnames: [PROXIED_API_SERVER] }],
      // A hostPath volume belongs to root, and fsGroup does not apply to it.
      initContainers: [
        {
          name: 'own-work',
          ...image,
          command: ['chown', String(RUNNER_UID), WORK],
          securityContext: { runAsUser: 0 },
          volumeMounts: [work]
        }
      ],
      containers: [
        {
          name: CONTAINER,
          ...image,
          command: ['sleep', 'infinity'],
          securityContext: { runAsUser: RUNNER_UID },
          env: [
            { name: 'ACTIONS_RUNNER_CONTAINER_HOOKS', value: HOOK },
            { name: 'ACTIONS_RUNNER_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            ...(mode === 'copy' ? [{ name: 'ACTIONS_RUNNER_IMAGE', value: IMAGES.runner }] : [])
          ],
          volumeMounts: [work]
        }
      ],
      volumes: [workVolume(name, mode)],
      ...(mode === 'volume' && { schedulingGates: [{ name: GATE }] })
    }
  }
}
