/** What a backend of ports has to offer to be held to the contract, and how the suites drive it. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { RegistryClient } from '../../src/effects/registry/client.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { StepError } from '../../src/errors.ts'
import type { Ledger } from '../../src/machines/ledger.ts'
import type { StepPorts } from '../../src/machines/ports.ts'
import type { BuildPlan, Mount, Resolution, StepRequest } from '../../src/machines/types.ts'
import { toBuild, toCleanUp, toPush, toResolve, toRun } from '../support/port-inputs.ts'
import { removeDirectory } from '../support/removed.ts'

/** A backend under contract; every `open` gives ports for one step. */
export interface Backend {
  readonly name: string
  /** Images as a Dockerfile's FROM names them. */
  readonly from: Images
  /** The same images as they are named to be run: nodes may know the registry by another name (ADR 0034). */
  readonly run: Images
  /** Whether a program that is being ended has ended when cleanup resolves; the kubelet takes a moment longer. */
  readonly endsAtOnce: boolean
  open(): Promise<OpenBackend>
}

export interface Images {
  /** Has a shell and the usual small tools, and /bin/busybox as a static program. */
  readonly base: string
  /** A name that no registry has. */
  readonly missing: string
}

export interface OpenBackend {
  readonly ports: StepPorts
  /** Asks the registry that the backend pushes to. */
  readonly client: RegistryClient
  /** Everything that was reported so far. */
  readonly log: () => string
  close(): Promise<void>
}

export type Files = Readonly<Record<string, string>>

export const never = new AbortController().signal

/** Runs `work` with a directory that holds `files`, and removes it. */
export async function withFiles<T>(files: Files, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-contract-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), content)
    }
    return await work(directory)
  } finally {
    await removeDirectory(directory)
  }
}

export async function withBackend<T>(backend: Backend, work: (open: OpenBackend) => Promise<T>): Promise<T> {
  const open = await backend.open()
  try {
    return await work(open)
  } finally {
    await open.close()
  }
}

export const request = (parts: Partial<StepRequest>): StepRequest => ({
  args: [],
  env: {},
  workingDirectory: '/',
  mounts: [],
  ...parts
})

export interface Planned {
  readonly resolution: Resolution
  readonly plan: BuildPlan
  readonly nonce: string
  readonly ledger: Ledger
}

/** What the backend would build for the Dockerfile, and everything the step would create. */
export async function planFor({ ports }: OpenBackend, dockerfile: string): Promise<Planned> {
  const resolution = await ports.resolver.resolve(toResolve(request({ dockerfile })), never)
  if (resolution.kind !== 'build') throw new Error(`resolved to ${resolution.kind}, not to a build`)
  const { plan, nonce } = resolution
  return { resolution, plan, nonce, ledger: ledgerOf(resolution) }
}

export const ledgerOf = ({ creates }: Resolution): Ledger => [...(creates.building ?? []), ...(creates.pulling ?? [])]

/** The code a promise rejects with; fails when it resolves, or rejects with anything but a StepError. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  const thrown: unknown = await promise.then(
    (value) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`)
    },
    (reason) => reason
  )
  if (!(thrown instanceof StepError)) throw thrown
  return thrown.code
}

/** The five directories that the runner gives to a container step. */
export const GITHUB_MOUNTS = ['workspace', 'home', 'workflow', 'file_commands', 'runner_temp'] as const

export const mountsBelow = (directory: string): Mount[] =>
  GITHUB_MOUNTS.map((name) => ({ source: join(directory, name), target: `/github/${name}`, readOnly: false }))

const imageOf = (resolution: Resolution): string => ('image' in resolution ? resolution.image : '')

export async function buildAndPush(
  { builder, pusher }: StepPorts,
  planned: Pick<Planned, 'plan' | 'nonce'>
): Promise<string> {
  return await pusher.push(toPush(planned.plan, await builder.build(toBuild(planned), never)), () => {}, never)
}

export interface Ran {
  readonly exitCode: number
  readonly log: string
}

/** Brings one step through all stages with fresh ports, and cleans up. `files` are the build context, if there is one. */
export async function runStep(backend: Backend, parts: Partial<StepRequest>, files?: Files): Promise<Ran> {
  return withFiles(files ?? {}, (directory) =>
    withBackend(backend, async (open) => {
      const { ports } = open
      const dockerfile = files === undefined ? undefined : join(directory, 'Dockerfile')
      const step = request({ ...parts, dockerfile })
      const resolution = await ports.resolver.resolve(toResolve(step), never)
      try {
        const input = toRun(
          resolution.kind === 'build' ? await buildAndPush(ports, resolution) : imageOf(resolution),
          step,
          resolution
        )
        const copiedIn = await ports.runner.pull(input, never)
        const before = open.log().length
        const { exitCode } = await ports.runner.run(input, never)
        await ports.workspace.collect({ ...input, copiedIn }, never)
        return { exitCode, log: open.log().slice(before) }
      } finally {
        await ports.janitor.cleanUp(toCleanUp(ledgerOf(resolution)), never)
      }
    })
  )
}
