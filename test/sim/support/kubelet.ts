/** Starts the containers of a simulated pod as a kubelet does, with a real shell and real volumes, for pods that commands are run in. */
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { V1Container, V1Pod } from '@kubernetes/client-node'
import { type Bind, type Container, startContainer } from './container.ts'
import type { Life } from './pod-life.ts'
import type { Processes } from './processes.ts'
import type { World } from './world.ts'

/** The node that simulated pods run on. */
export interface Node {
  readonly processes: Processes
  /** Where the volumes and roots of pods are made. */
  readonly directory: string
  /** Directories of claims, by their names. */
  readonly claims: Readonly<Record<string, string>>
  /** Mounted into every container. */
  readonly binds: readonly Bind[]
  /** What /etc/os-release says of an image. */
  readonly distributionOf: (image: string) => string
}

/** Image of the runner, whose containers run what their spec says. */
export const RUNNER_IMAGE = 'runner:1'

let containers = 0

/** The directory of a pod's volume. */
export function volumeOf(node: Node, pod: V1Pod, name: string): string {
  const volume = pod.spec?.volumes?.find((one) => one.name === name)
  const claim = volume?.persistentVolumeClaim?.claimName
  if (claim !== undefined) return must(node.claims[claim], `claim ${claim}`)
  const directory = join(node.directory, must(pod.metadata?.uid, 'UID'), must(volume, `volume ${name}`).name)
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o777)
  return directory
}

/** Starts one container of a pod, which then takes commands. */
export async function start(node: Node, world: World, life: Life, spec: V1Container): Promise<Container> {
  const { pod } = life
  containers += 1
  const id = `${containers}`
  const binds = (spec.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly }): Bind => {
    const source = join(volumeOf(node, pod, name), subPath ?? '')
    mkdirSync(source, { recursive: true })
    return { source, target: mountPath, readOnly: readOnly ?? false }
  })
  const container = await startContainer(node.processes, {
    root: join(node.directory, 'roots', id),
    binds: [...node.binds, ...binds],
    id,
    distribution: node.distributionOf(spec.image ?? ''),
    env: environmentOf(world, spec),
    workingDirectory: spec.workingDir ?? '/'
  })
  if (life.signal.aborted) {
    container.end()
    throw life.signal.reason
  }
  life.containers.set(spec.name, container)
  return container
}

/** Runs what the spec of a container says, to its end. */
export async function runCommand(life: Life, { name, command = [], args = [] }: V1Container): Promise<number> {
  return await runIn(life, name, [...command, ...args].map(expanded))
}

/** Runs a command in a container to its end; what it prints is the container's log. */
export async function runIn(life: Life, name: string, command: readonly string[]): Promise<number> {
  const program = must(life.run(name, command), `container ${name}`)
  const log = life.openLog(name)
  program.stdin.end()
  let line = ''
  const add = (chunk: Buffer) => {
    const lines = `${line}${chunk.toString('utf8')}`.split('\n')
    line = lines.pop() ?? ''
    for (const text of lines) log.add({ atMs: life.clock.now(), text })
  }
  program.stdout.on('data', add)
  program.stderr.on('data', add)
  const exitCode = await program.ended
  life.signal.throwIfAborted()
  if (line !== '') log.add({ atMs: life.clock.now(), text: line })
  log.end()
  return exitCode
}

/** What a kubelet makes of `$$`. */
const expanded = (word: string): string => word.replaceAll('$$', '$')

function environmentOf(world: World, { env = [] }: V1Container): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const { name: secret = '', key = '' } = valueFrom?.secretKeyRef ?? {}
      const data = secret === '' ? undefined : must(world.secrets.get(secret)?.data?.[key], `secret ${secret}/${key}`)
      return [name, data === undefined ? expanded(value ?? '') : Buffer.from(data, 'base64').toString('utf8')]
    })
  )
}

/**
 * Waits until the disk's clock has gone on: status change times are coarse, and containers that take a moment to start on a node
 * are here at once.
 */
export async function untilDiskHasMoved(directory: string): Promise<void> {
  const probe = join(directory, 'probe')
  writeFileSync(probe, '')
  const { ctimeMs } = statSync(probe)
  while (statSync(probe).ctimeMs === ctimeMs) {
    await delay(1)
    writeFileSync(probe, '')
  }
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`)
  return value
}
