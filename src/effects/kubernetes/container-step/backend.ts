/** The Kubernetes backend of ports for one container step, made of pods, secrets and a registry, for the hook. */
import { dirname } from 'node:path'
import { StepError, toStepError } from '../../../errors.ts'
import type { ResolveInput } from '../../../machines/inputs.ts'
import type { Ledger, LedgerEntry } from '../../../machines/ledger.ts'
import type { StepPorts } from '../../../machines/ports.ts'
import type { BuildPlan, Creates, Resolution } from '../../../machines/types.ts'
import { type ChosenBuilder, chooseBuilders } from '../../builders/choose.ts'
import { buildIdentity, chooseFor } from '../../builders/choose-for.ts'
import { copiedFrom } from '../../content/copied.ts'
import {
  createResolver,
  type Decision,
  type FoundDockerfile,
  type PlannedBuilder,
  type StepNames
} from '../../content/resolver.ts'
import type { RegistryClient } from '../../registry/client.ts'
import { repositoryOf, sharedRepository } from '../../registry/reference.ts'
import { type LookUp, remembered } from '../../remembered.ts'
import { createJanitor } from '../cleanup/janitor.ts'
import { buildPlaceOf, canBuildInPlace } from '../context/build-place.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { buildPodName, environmentName, stepPodName, trialPodName } from '../names.ts'
import { type BuiltImages, createBuiltImages } from '../registry/built-images.ts'
import { imageArchitecture } from '../template/architecture.ts'
import { createBuilder } from './build.ts'
import { createInPlaceBuilder } from './in-place.ts'
import { checkStep, createRunner } from './run.ts'

const NONCE_LENGTH = 8

const notConfigured = () =>
  new StepError(
    'not-configured',
    'building a Dockerfile needs a registry: set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST for the runner, and for one in the cluster ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT and ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT'
  )

/** What of the builder is part of a build's hash. */
const inputsIdentity =
  (site: Site) =>
  (builder: ChosenBuilder, rewritten: BuildPlan['rewritten']): string =>
    `${buildIdentity(builder, rewritten)} ${imageArchitecture(site)}`

/**
 * The ports of one container step. The cluster is first looked at when the machine resolves, so that failures there are a
 * stage's. What is remembered here are two answers, the site and the registry's client: asked again they would be the same,
 * only later.
 */
export function createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts {
  const builders = chooseBuilders(options)
  const siteOf = remembered((signal) => discoverSite(options, deps, signal))
  const registryOf = remembered(async (signal) => openIfConfigured(await siteOf(signal), signal))
  const withSite = <T>(signal: AbortSignal, work: (site: Site) => Promise<T>): Promise<T> =>
    asPort(signal, async () => work(await siteOf(signal)))
  const builderOf = async (site: Site, signal: AbortSignal) => {
    const registry = await registryOf(signal)
    const remember = registry && builtImages(site, registry)?.remember
    return createBuilder(site, { builders, digestOf: registry?.digestOf, remember, identityOf: inputsIdentity(site) })
  }
  const inPlaceOf = (site: Site) =>
    createInPlaceBuilder(site, { builders, randomHex: deps.randomHex, identityOf: inputsIdentity(site) })
  const runnerOn = (site: Site) => createRunner(site, registryOf)
  return {
    clock: deps.clock,
    resolver: {
      resolve: (input, signal) =>
        withSite(signal, async (site) => {
          const resolution = await resolve({ site, options, deps, builders, registryOf }, input, signal)
          if (resolution.kind === 'cached') deps.reporter.line(`Nothing to build: ${resolution.image} has this content`)
          return resolution
        })
    },
    builder: {
      build: (input, signal) => withSite(signal, async (site) => (await builderOf(site, signal)).build(input, signal))
    },
    pusher: {
      push: (input, tell, signal) =>
        withSite(signal, async (site) => (await builderOf(site, signal)).push(input, tell, signal))
    },
    inPlace: {
      buildInPlace: (input, signal) => withSite(signal, (site) => inPlaceOf(site).buildInPlace(input, signal)),
      handOver: (input, signal) => withSite(signal, (site) => inPlaceOf(site).handOver(input, signal))
    },
    runner: {
      pull: (input, signal) => withSite(signal, (site) => runnerOn(site).pull(input, signal)),
      run: (input, signal) => withSite(signal, (site) => runnerOn(site).run(input, signal))
    },
    workspace: { collect: (input, signal) => withSite(signal, (site) => runnerOn(site).collect(input, signal)) },
    janitor: {
      async cleanUp(input, signal) {
        // Nothing was resolved, so nothing was created.
        if (input.ledger.length === 0) return
        await withSite(signal, async (site) => {
          const hasImage = input.ledger.some(({ kind }) => kind === 'image')
          const registry = hasImage ? await registryOf(signal) : undefined
          await createJanitor(site, registry).cleanUp(input, signal)
        })
      }
    }
  }
}

interface Resolving {
  readonly site: Site
  readonly options: KubernetesOptions
  readonly deps: KubernetesDependencies
  readonly builders: readonly ChosenBuilder[]
  readonly registryOf: LookUp<RegistryClient | undefined>
}

async function resolve(
  { site, options, deps, builders, registryOf }: Resolving,
  input: ResolveInput,
  signal: AbortSignal
): Promise<Resolution> {
  const { request } = input
  checkStep(site, request)
  const dockerfile = request.image === undefined ? request.dockerfile : undefined
  const isInPlace = buildPlaceOf(options) === 'in-place'
  const registry = dockerfile === undefined || isInPlace ? undefined : await openForBuild(site, registryOf, signal)
  if (dockerfile !== undefined && isInPlace) await checkBaseImageSecret(site, signal)
  if (dockerfile !== undefined) {
    await chooseTransfer(site).copyOutOfJob(dirname(dockerfile), signal)
  }
  const resolver = createResolver({
    registry: options.registry,
    isInPlace,
    notConfigured,
    contextRoot: site.storage.workDirectory,
    nonce: () => deps.randomHex(NONCE_LENGTH),
    repository: () => repositoryFor(site),
    chooseBuilder: async (file) => {
      const { planned, builder } = plannedFor(site, isInPlace ? builders.filter(canBuildInPlace) : builders, file)
      await requireCertificates(site, builder.daemon?.tlsSecret, signal)
      return planned
    },
    findBuilt: registry && findBuilt(site, registry),
    creates: (decision, names) => createsOf(site, decision, names)
  })
  return await resolver.resolve(input, signal)
}

function plannedFor(site: Site, builders: readonly ChosenBuilder[], { text, ignoreFile, entries }: FoundDockerfile) {
  const choice = chooseFor(builders, text, {
    platform: { os: 'linux', architecture: imageArchitecture(site) },
    context: copiedFrom(entries)
  })
  const { builder } = choice
  for (const note of choice.notes) site.reporter.line(note)
  const rewritten = choice.rewritten && { ...choice.rewritten, ignoreFile }
  const planned: PlannedBuilder = {
    builder: builder.definition.name,
    rewritten,
    identity: inputsIdentity(site)(builder, rewritten)
  }
  return { planned, builder }
}

/** In a job with a job pod an image lives until cleanup_job, so that pre, main and post are built once. */
const outlivesStep = ({ job, registry }: Site): boolean => job !== undefined || registry?.isKept === true

/** Without a job pod nothing outlives the step; what is kept is found by its tag, which only those with credentials can move. */
const builtImages = (site: Site, { digestOf }: RegistryClient): BuiltImages | undefined =>
  site.job !== undefined && !site.registry?.isKept ? createBuiltImages(site, digestOf) : undefined

const findBuilt = (site: Site, registry: RegistryClient) =>
  site.registry?.isKept
    ? (plan: BuildPlan, signal: AbortSignal) => registry.digestOf(plan.pushReference, signal)
    : builtImages(site, registry)?.find

function repositoryFor({ registry, handle }: Site): string {
  if (registry === undefined) return handle
  return registry.isKept ? sharedRepository(registry) : repositoryOf(registry, handle)
}

async function openIfConfigured(site: Site, signal: AbortSignal): Promise<RegistryClient | undefined> {
  if (site.registry === undefined) return undefined
  const { openRegistry } = await import('../registry/credentials.ts')
  return await openRegistry(site, site.registry, signal)
}

/** What a build needs of the registry and of Secrets is looked at before it, not after. Undefined: none is configured. */
async function openForBuild(
  site: Site,
  registryOf: LookUp<RegistryClient | undefined>,
  signal: AbortSignal
): Promise<RegistryClient | undefined> {
  const { registry: settings } = site
  if (settings === undefined) return undefined
  const { checkPodSecrets } = await import('../registry/credentials.ts')
  const [registry] = await Promise.all([registryOf(signal), checkPodSecrets(site, settings, signal)])
  // Credentials or a certificate that are refused would be found out only after the build.
  if (settings.pushSecret !== undefined || !settings.plainHttp) await registry?.ping(signal)
  return registry
}

/** The same for a build in place. */
async function checkBaseImageSecret(site: Site, signal: AbortSignal): Promise<void> {
  if (site.baseImageSecret === undefined) return
  const { readBaseImageConfig } = await import('../registry/credentials.ts')
  await readBaseImageConfig(site, site.baseImageSecret, signal)
}

function createsOf(site: Site, decision: Decision, { nonce, buildAttemptsMax }: StepNames): Creates {
  const { runnerPod } = site
  const pods = Array.from(
    { length: buildAttemptsMax },
    (_, index): LedgerEntry => ({ kind: 'build-pod', name: buildPodName(runnerPod, nonce, index + 1) })
  )
  pods.push({ kind: 'build-pod', name: trialPodName(runnerPod, nonce) })
  if (decision.kind === 'in-place') return { buildingInPlace: pods }
  const pulling: Ledger = [
    { kind: 'secret', name: environmentName(runnerPod, nonce) },
    { kind: 'pod', name: stepPodName(runnerPod, nonce) }
  ]
  if (decision.kind !== 'build') return { building: [], pulling }
  const image: LedgerEntry = { kind: 'image', name: decision.plan.pushReference }
  return { building: outlivesStep(site) ? pods : [...pods, image], pulling }
}

/** A pod that mounts a Secret which is not there waits for it in silence. */
async function requireCertificates(site: Site, secret: string | undefined, signal: AbortSignal): Promise<void> {
  if (secret === undefined || (await site.cluster.getSecret(secret, signal)) !== undefined) return
  throw new StepError(
    'not-configured',
    `there is no Secret ${secret} in namespace ${site.cluster.namespace}: make it with ca.crt, tls.crt and tls.key, or correct ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET`
  )
}

/** Ports reject with StepErrors, whatever a library or an aborted signal rejects with. */
async function asPort<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'cancelled', { cause: thrown })
    throw toStepError(thrown)
  }
}
