/** The docker engine for the local backend, and what podman shares with it: their command lines are almost the same. */
import { join } from 'node:path'
import { StepError } from '../../errors.ts'
import type { BuildPlan, Mount, StepRequest } from '../../machines/types.ts'
import { lastLine } from '../failure-table.ts'
import { type Engine, type EngineDependencies, environmentArguments, isByDigest, must, type Probe } from './engine.ts'
import { buildFailure, isGone, pullFailure, pushFailure, startFailure, undoFailure } from './failures.ts'

/** Where docker and podman differ. */
export interface Dialect {
  readonly name: 'docker' | 'podman'
  /** Answers only when containers can really be made, and prints the version. */
  readonly probe: readonly string[]
  /** Lets push and pull speak plain HTTP with the registry on this computer; docker does so for 127.0.0.1 by itself. */
  readonly plainHttp: readonly string[]
}

const docker: Dialect = { name: 'docker', probe: ['version', '--format', '{{.Server.Version}}'], plainHttp: [] }

/** The state of a container as `inspect` tells it. */
interface ContainerState {
  readonly Status: string
  readonly ExitCode: number
  readonly Error: string
  readonly OOMKilled: boolean
}

/** A value of `--mount`, which is read as CSV. */
const csv = (field: string): string => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

const mountArguments = ({ source, target, readOnly }: Mount): string[] => [
  '--mount',
  ['type=bind', `source=${source}`, `target=${target}`, ...(readOnly ? ['readonly'] : [])].map(csv).join(',')
]

function createArguments(image: string, container: string, request: StepRequest, env: readonly string[]): string[] {
  const { entryPoint, args, mounts, workingDirectory } = request
  return [
    ...['create', '--name', container, '--workdir', workingDirectory],
    ...mounts.flatMap(mountArguments),
    ...env,
    ...(entryPoint === undefined ? [] : ['--entrypoint', entryPoint]),
    image,
    ...args
  ]
}

function createEngine(dialect: Dialect, version: string, dependencies: EngineDependencies): Engine {
  const { name, plainHttp } = dialect
  const { processes, reporter } = dependencies
  const invoke = (args: readonly string[], signal: AbortSignal, onOutput?: (chunk: Uint8Array) => void) =>
    processes.run(name, args, { signal, ...(onOutput && { onOutput }) })

  return {
    name,
    version,
    creates: [],
    async build(plan: BuildPlan, signal) {
      const file = join(plan.contextDirectory, plan.dockerfile)
      const args = ['build', '--force-rm', '--tag', plan.pushReference, '--file', file, plan.contextDirectory]
      must(await invoke(args, signal, reporter.foreign), buildFailure(plan.dockerfile))
      const inspected = await invoke(['image', 'inspect', '--format', '{{.Id}}', plan.pushReference], signal)
      return withAlgorithm(must(inspected, buildFailure(plan.dockerfile)).stdout.trim())
    },
    async push(reference, signal) {
      must(await invoke(['push', ...plainHttp, reference], signal), pushFailure(reference))
    },
    async place(image, container, request, signal) {
      const isThere = !isByDigest(image) && (await invoke(['image', 'inspect', image], signal)).exitCode === 0
      if (!isThere) must(await invoke(['pull', ...plainHttp, image], signal), pullFailure(image))
      await this.undo({ kind: 'container', name: container }, signal)
      const { args, env } = environmentArguments(request.env)
      const created = await processes.run(name, createArguments(image, container, request, args), { signal, env })
      must(created, startFailure(image))
    },
    async run(container, image, _request, signal) {
      const attached = await invoke(['start', '--attach', container], signal, reporter.output)
      const inspected = await invoke(['inspect', '--format', '{{json .State}}', container], signal)
      const state = JSON.parse(must(inspected, lostRun(image)).stdout) as ContainerState
      if (state.OOMKilled) throw new StepError('out-of-memory', 'The action was killed: it ran out of memory')
      if (state.Error !== '') throw startFailure(image)(state.Error)
      if (state.Status === 'created' || state.Status === 'initialized') throw startFailure(image)(attached.tail)
      if (state.Status === 'running') throw lostRun(image)(attached.tail)
      return state.ExitCode
    },
    async undo({ kind, name: what }, signal) {
      if (kind !== 'image' && kind !== 'container') return
      const args = kind === 'container' ? ['rm', '--force', '--volumes', what] : ['rmi', what]
      const result = await invoke(args, signal)
      if (!isGone(result.tail)) must(result, undoFailure(`${kind} ${what}`))
    },
    async ensureImage(reference, directory, signal) {
      if ((await invoke(['image', 'inspect', reference], signal)).exitCode === 0) return
      must(await invoke(['build', '--tag', reference, directory], signal), buildFailure(reference))
    },
    async close() {}
  }
}

const lostRun = (image: string) => (output: string) =>
  new StepError('run-lost', `The engine lost sight of the action ${image} (${lastLine(output)})`, { detail: output })

/** podman prints ids without it. */
const withAlgorithm = (id: string): string => (id.startsWith('sha256:') ? id : `sha256:${id}`)

/** A probe for an engine that speaks docker's command line. */
export const probeDialect =
  (dialect: Dialect): Probe =>
  async (dependencies, signal) => {
    const answer = await dependencies.processes.run(dialect.name, dialect.probe, { signal })
    if (answer.exitCode !== 0) return lastLine(answer.tail)
    return createEngine(dialect, lastLine(answer.stdout), dependencies)
  }

export const probeDocker: Probe = probeDialect(docker)
