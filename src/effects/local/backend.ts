/** The local backend of ports: one container step on this computer, with a container engine and a registry of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StepError, toStepError } from '../../errors.ts'
import { entryName, type LedgerEntry } from '../../machines/ledger.ts'
import type { Builder, Clock, Janitor, Pusher, Runner, StepPorts } from '../../machines/ports.ts'
import type { BuildPlan } from '../../machines/types.ts'
import { createResolver } from '../content/resolver.ts'
import type { Reporter } from '../log/reporter.ts'
import { createRegistryClient, type RegistryClient } from '../registry/client.ts'
import { retryWithin } from '../retry.ts'
import { detectEngine } from './detect.ts'
import type { Engine, EngineName } from './engine.ts'
import { createProcessRunner, type Environment, type ProcessRunner } from './process.ts'
import { startLocalRegistry } from './registry.ts'

export interface LocalOptions {
  /** The engine to use; by default the first of docker, podman and buildah that answers. */
  readonly engine?: EngineName | undefined
}

export interface LocalDependencies {
  readonly reporter: Reporter
  readonly clock: Clock
  /** `length` random hexadecimal digits. */
  readonly randomHex: (length: number) => string
  /** What the engine's programs inherit. */
  readonly environment: Environment
  /** Where the backend makes its own directory; exists. */
  readonly temporaryDirectory: string
}

/** Ports for one step; `close` removes what the backend itself has made, the registry included. */
export interface LocalBackend {
  readonly ports: StepPorts
  /** Name and version, `buildah 1.28.2`. */
  readonly engine: string
  /** `127.0.0.1:port` of the backend's registry. */
  readonly registryHost: string
  /** Builds a directory with a Dockerfile unless the image is there; it stays on the computer, for builds to start FROM. */
  ensureImage(reference: string, directory: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const HANDLE_LENGTH = 16

function createBuilder(engine: Engine, reporter: Reporter): Builder {
  return {
    async build({ plan }, signal) {
      // The observers of the run hear of the new state first, and only then the group opens below it.
      await Promise.resolve()
      reporter.group(`Build ${plan.dockerfile} with ${engine.name}`)
      try {
        return { digest: await engine.build(plan, signal) }
      } finally {
        reporter.endGroup()
      }
    }
  }
}

/** No container pushes here that would try again by itself, so the backend does. */
function createPusher(engine: Engine, client: RegistryClient, clock: Clock): Pusher {
  const pushOnce = async ({ pushReference: reference, pullRepository }: BuildPlan, signal: AbortSignal) => {
    await engine.push(reference, signal)
    const digest = await client.digestOf(reference, signal)
    if (digest === undefined) {
      throw new StepError('push-failed', `The registry does not have ${reference} after it was pushed`)
    }
    return `${pullRepository}@${digest}`
  }
  return {
    async push({ plan, tries: { triesMax, backOffMs, backOffMsMax } }, tell, signal) {
      const bounds = { retriesMax: triesMax - 1, waitMs: backOffMs, waitMsMax: backOffMsMax }
      const work = (attempt: number) => {
        if (attempt > 1) tell({ type: 'TRY_STARTED' })
        return pushOnce(plan, signal)
      }
      const mayHeal = (error: Error) => toStepError(error).retryable
      const say = (error: Error) => tell({ type: 'TRY_FAILED', error: toStepError(error) })
      return await retryWithin(bounds, work, { clock, signal, mayHeal, say }).catch((thrown: unknown) => {
        throw signal.aborted ? new StepError('cancelled', 'The push was cancelled', { cause: thrown }) : thrown
      })
    }
  }
}

const containerName = (nonce: string): string => `slipway-${nonce}`

function createRunner(engine: Engine): Runner {
  return {
    async pull({ image, nonce, request }, signal) {
      await engine.place(image, containerName(nonce), request, signal)
      return {}
    },
    run: async ({ image = '', nonce, request }, signal) => ({
      exitCode: await engine.run(containerName(nonce), image, request, signal)
    })
  }
}

/** An engine has a place for images, and each step is a process: nothing is resolved to be built in place, or built ahead. */
const refuse = async (): Promise<never> => {
  throw new StepError('internal', 'The local engine builds nothing in place, and nothing ahead')
}

function createJanitor(engine: Engine, client: RegistryClient, processes: ProcessRunner): Janitor {
  const undo = async (entry: LedgerEntry, signal: AbortSignal) => {
    await engine.undo(entry, signal)
    if (entry.kind === 'image') await client.remove(entry.name, signal)
  }
  return {
    async cleanUp({ ledger }, signal) {
      // What an aborted program is still making could not be removed.
      await processes.idle()
      const failures: StepError[] = []
      const remaining: string[] = []
      for (const entry of ledger.toReversed()) {
        try {
          await undo(entry, signal)
        } catch (thrown) {
          failures.push(toStepError(thrown))
          remaining.push(entryName(entry))
        }
      }
      if (signal.aborted) throw new StepError('cancelled', 'Cleaning up was cancelled', { remaining })
      if (remaining.length === 0) return
      const detail = failures.map((failure) => failure.detail ?? failure.message).join('\n')
      throw new StepError('cleanup-failed', `Not removed: ${remaining.join(', ')}`, { detail, remaining })
    }
  }
}

/** Rejects with `engine-missing` when no engine answers. */
export async function createLocalPorts(
  options: LocalOptions,
  dependencies: LocalDependencies,
  signal: AbortSignal
): Promise<LocalBackend> {
  const { reporter, clock, randomHex, environment } = dependencies
  const directory = await mkdtemp(join(dependencies.temporaryDirectory, 'slipway-'))
  const processes = createProcessRunner(environment, clock)
  const removeDirectory = () => rm(directory, { recursive: true, force: true })
  const engine = await detectEngine(options.engine, { processes, reporter, directory }, signal).catch(
    async (thrown: unknown) => {
      await removeDirectory()
      throw thrown
    }
  )
  const registry = await startLocalRegistry(await mkdtemp(join(directory, 'registry-')), () => randomHex(HANDLE_LENGTH))
  const target = { pushHost: registry.host, pullHost: registry.host, plainHttp: true }
  const client = createRegistryClient(target)
  const resolver = createResolver({
    registry: target,
    notConfigured: () => new StepError('internal', 'The local registry is not running'),
    nonce: () => randomHex(HANDLE_LENGTH),
    repository: () => randomHex(HANDLE_LENGTH),
    // It is docker's own, or as good: nothing is refused.
    chooseBuilder: () => ({ identity: `${engine.name} ${engine.version}` }),
    creates: (decision, { nonce }) => ({
      building:
        decision.kind === 'build' ? [...engine.creates, { kind: 'image', name: decision.plan.pushReference }] : [],
      pulling: [...engine.creates, { kind: 'container', name: containerName(nonce) }]
    })
  })
  return {
    engine: `${engine.name} ${engine.version}`,
    registryHost: registry.host,
    ports: {
      resolver,
      joiner: { join: refuse },
      builder: createBuilder(engine, reporter),
      pusher: createPusher(engine, client, clock),
      inPlace: { take: refuse, buildInPlace: refuse, handOver: refuse },
      runner: createRunner(engine),
      // The mounts are live: what the action wrote is on this computer's disk already.
      workspace: { collect: async () => undefined },
      janitor: createJanitor(engine, client, processes),
      clock
    },
    ensureImage: engine.ensureImage,
    async close() {
      await processes.idle()
      await engine.close()
      await registry.close()
      await removeDirectory()
    }
  }
}
