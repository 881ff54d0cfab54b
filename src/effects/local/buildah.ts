/**
 * The buildah engine for the local backend: needs no daemon and, with chroot isolation, no privilege beyond root.
 *
 * Images and containers of a backend live in a store of its own below its directory, so that nothing is left in the user's
 * store whatever happens, a SIGKILL in the middle of a build included. The user's store is read for base images.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StepError } from '../../errors.ts'
import type { Mount } from '../../machines/types.ts'
import { lastLine } from '../failure-table.ts'
import { commandOf, type ImageConfig } from '../image-config.ts'
import { type Engine, type EngineDependencies, environmentArguments, isByDigest, must } from './engine.ts'
import { buildFailure, pullFailure, pushFailure, startFailure } from './failures.ts'
import type { CommandOptions } from './process.ts'

const ISOLATION = ['--isolation', 'chroot']
const PLAIN_HTTP = ['--tls-verify=false']
// The machine retries; a second layer of retries below it would only hide them. buildah 1.28 takes 0 for its default of 3
// when it pushes and pulls, so at least it shall not wait between them.
const ONCE = ['--retry', '0', '--retry-delay', '1ms']

interface Store {
  /** Options that select the backend's own store. */
  readonly own: readonly string[]
  /** Options that select the user's store. */
  readonly users: readonly string[]
  readonly directory: string
}

const storeOf = (driver: string, graphRoot: string, directory: string): Store => ({
  own: [
    ...['--storage-driver', driver, '--storage-opt', `${driver}.imagestore=${graphRoot}`],
    ...['--root', join(directory, 'root'), '--runroot', join(directory, 'run')]
  ],
  users: ['--storage-driver', driver],
  directory
})

/** buildah splits `source:target:options` at colons that no backslash protects. */
const volumeArguments = ({ source, target, readOnly }: Mount): string[] => [
  '--volume',
  [source, target, ...(readOnly ? ['ro'] : [])].map((part) => part.replaceAll(':', '\\:')).join(':')
]

// What buildah and its chroot helper say at the very end, after everything the program itself wrote.
const NOT_STARTED = /process failed to start with error: (.*?)process exited with error: exec: not started/
const ENDED_BY_SIGNAL = /subprocess exited on ([a-z ]+)\n.*\n?Error: exit status 1\s*$/
const ENDED = /Error: exit status \d+\s*$/
/** Go's names of the signals that end programs, and their numbers. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  hangup: 1,
  interrupt: 2,
  quit: 3,
  'illegal instruction': 4,
  aborted: 6,
  'bus error': 7,
  'floating point exception': 8,
  killed: 9,
  'segmentation fault': 11,
  'broken pipe': 13,
  terminated: 15
}

/** The exit code of the program itself, from buildah's exit code and last words. */
export function exitCodeOf(exitCode: number, tail: string, image: string): number {
  if (exitCode === 0) return 0
  const lastWords = tail.slice(-1_000)
  const notStarted = NOT_STARTED.exec(lastWords)
  if (exitCode === 1 && notStarted !== null && ENDED.test(lastWords)) throw startFailure(image)(notStarted[1] ?? '')
  if (!ENDED.test(lastWords)) throw startFailure(image)(tail)
  const signal = SIGNAL_NUMBERS[ENDED_BY_SIGNAL.exec(lastWords)?.[1] ?? '']
  return signal === undefined ? exitCode : 128 + signal
}

function createEngine(version: string, store: Store, dependencies: EngineDependencies): Engine {
  const { processes, reporter } = dependencies
  const invoke = (args: readonly string[], signal: AbortSignal, options: Partial<CommandOptions> = {}) =>
    processes.run('buildah', [...store.own, ...args], { ...options, signal })

  return {
    name: 'buildah',
    version,
    creates: [{ kind: 'directory', name: store.directory }],
    async build(plan, signal) {
      const file = join(plan.contextDirectory, plan.dockerfile)
      const args = ['bud', ...ISOLATION, ...ONCE, '--tag', plan.pushReference, '--file', file, plan.contextDirectory]
      must(await invoke(args, signal, { onOutput: reporter.foreign }), buildFailure(plan.dockerfile))
      const id = await invoke(['images', '--quiet', '--no-trunc', plan.pushReference], signal)
      return must(id, buildFailure(plan.dockerfile)).stdout.trim()
    },
    async push(reference, signal) {
      must(await invoke(['push', ...ONCE, ...PLAIN_HTTP, reference], signal), pushFailure(reference))
    },
    async place(image, container, request, signal) {
      const policy = isByDigest(image) ? 'always' : 'missing'
      must(await invoke(['pull', ...ONCE, '--policy', policy, ...tlsFor(image), image], signal), pullFailure(image))
      // A container of this name is there when an earlier attempt got as far as this.
      await invoke(['rm', container], signal)
      must(await invoke(['from', '--pull-never', '--name', container, image], signal), startFailure(image))
      const { args, env } = environmentArguments(request.env)
      if (args.length > 0) must(await invoke(['config', ...args, container], signal, { env }), startFailure(image))
    },
    async run(container, image, request, signal) {
      const inspected = must(await invoke(['inspect', '--type', 'container', container], signal), startFailure(image))
      const { OCIv1 } = JSON.parse(inspected.stdout) as { OCIv1: { config?: ImageConfig } }
      const command = commandOf(OCIv1.config ?? {}, request)
      if (command.length === 0) {
        throw new StepError(
          'start-failed',
          `The image ${image} has no ENTRYPOINT and no CMD, and the action gives none`
        )
      }
      const where = ['--workingdir', request.workingDirectory, ...request.mounts.flatMap(volumeArguments)]
      const args = ['run', ...ISOLATION, ...where, container, '--', ...command]
      const { exitCode, tail } = await invoke(args, signal, { onOutput: reporter.output })
      return exitCodeOf(exitCode, tail, image)
    },
    async undo({ kind, name }, signal) {
      // Images and containers are in the store; removing the store removes them.
      if (kind === 'directory' && name === store.directory) await removeStore(store, dependencies, signal)
    },
    async ensureImage(reference, directory, signal) {
      const inspect = [...store.users, 'inspect', '--type', 'image', reference]
      if ((await processes.run('buildah', inspect, { signal })).exitCode === 0) return
      const args = [...store.users, 'bud', ...ISOLATION, '--tag', reference, directory]
      must(await processes.run('buildah', args, { signal }), buildFailure(reference))
    },
    close: () => removeStore(store, dependencies, new AbortController().signal)
  }
}

/** The local registry speaks plain HTTP; every other one is asked with TLS. */
const tlsFor = (image: string): readonly string[] => (image.startsWith('127.0.0.1:') ? PLAIN_HTTP : [])

/** Containers first, since their file systems may be mounted; then what the overlay driver itself has mounted. */
async function removeStore(store: Store, { processes }: EngineDependencies, signal: AbortSignal): Promise<void> {
  await processes.idle()
  await processes.run('buildah', [...store.own, 'rm', '--all'], { signal })
  await processes.run('umount', ['--recursive', '--quiet', join(store.directory, 'root', 'overlay')], { signal })
  try {
    await rm(store.directory, { recursive: true, force: true })
  } catch (cause) {
    const message = `The store ${store.directory} was not removed (${(cause as Error).message})`
    throw new StepError('cleanup-failed', message, { cause })
  }
}

/** buildah, if it can really make an image, with the user's storage driver or else with vfs, which works everywhere. */
export async function probeBuildah(dependencies: EngineDependencies, signal: AbortSignal): Promise<Engine | string> {
  const { processes, directory } = dependencies
  const info = await processes.run('buildah', ['info'], { signal })
  if (info.exitCode !== 0) return lastLine(info.tail)
  const { store } = JSON.parse(info.stdout) as { store: { GraphDriverName: string; GraphRoot: string } }
  const version = await processes.run('buildah', ['version', '--json'], { signal })
  let reason = ''
  for (const driver of new Set([store.GraphDriverName, 'vfs'])) {
    const candidate = storeOf(driver, store.GraphRoot, join(directory, `buildah-${driver}`))
    reason = await refusalOf(candidate, dependencies, signal)
    if (reason === '') return createEngine(JSON.parse(version.stdout).version, candidate, dependencies)
  }
  return reason
}

/** Why a container cannot be made and mounted in this store; empty when it can. */
async function refusalOf(store: Store, dependencies: EngineDependencies, signal: AbortSignal): Promise<string> {
  const { processes } = dependencies
  const probe = 'slipway-probe'
  // The user's store has to exist for this driver before it can be read.
  for (const args of [
    [...store.users, 'images', '--quiet'],
    [...store.own, 'from', '--name', probe, 'scratch'],
    [...store.own, 'mount', probe],
    [...store.own, 'rm', probe]
  ]) {
    const result = await processes.run('buildah', args, { signal })
    if (result.exitCode !== 0) {
      await removeStore(store, dependencies, signal)
      return lastLine(result.tail) || `buildah ${args.join(' ')} exited with ${result.exitCode}`
    }
  }
  return ''
}
