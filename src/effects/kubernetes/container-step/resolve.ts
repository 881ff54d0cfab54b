/** What one container step is resolved to on Kubernetes, with the names of all that will be made for it: for the backend of its ports. */
import { dirname } from 'node:path'
import { StepError } from '../../../errors.ts'
import type { ResolveInput } from '../../../machines/inputs.ts'
import type { Ledger, LedgerEntry } from '../../../machines/ledger.ts'
import type { BuildPlan, Creates, Resolution } from '../../../machines/types.ts'
import type { ChosenBuilder } from '../../builders/choose.ts'
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
import type { LookUp } from '../../remembered.ts'
import { buildPlaceOf, canBuildInPlace } from '../context/build-place.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import type { Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { buildPodName, environmentName, stepPodName, trialPodName } from '../names.ts'
import { type BuiltImages, createBuiltImages } from '../registry/built-images.ts'
import { imageArchitecture } from '../template/architecture.ts'
import { findAhead } from './join.ts'
import { checkStep } from './run.ts'
import { findStanding } from './standing.ts'

const NONCE_LENGTH = 8

const notConfigured = () =>
  new StepError(
    'not-configured',
    'building a Dockerfile needs a registry: set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST for the runner, and for one in the cluster ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT and ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT'
  )

/** What of the builder is part of a build's hash. */
export const inputsIdentity =
  (site: Site) =>
  (builder: ChosenBuilder, rewritten: BuildPlan['rewritten']): string =>
    `${buildIdentity(builder, rewritten)} ${imageArchitecture(site)}`

export interface Resolving {
  readonly site: Site
  readonly options: KubernetesOptions
  readonly deps: KubernetesDependencies
  readonly builders: readonly ChosenBuilder[]
  readonly registryOf: LookUp<RegistryClient | undefined>
}

export async function resolve(
  { site, options, deps, builders, registryOf }: Resolving,
  input: ResolveInput,
  signal: AbortSignal
): Promise<Resolution> {
  const { request } = input
  checkStep(site, request)
  const dockerfile = request.image === undefined ? request.dockerfile : undefined
  const isInPlace = buildPlaceOf(options) === 'in-place'
  const isAheadOff = options.buildAhead === 'off'
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
    hasOwnTag: !site.registry?.isKept,
    chooseBuilder: async (file) => {
      const { planned, builder } = plannedFor(site, isInPlace ? builders.filter(canBuildInPlace) : builders, file)
      await requireCertificates(site, builder.daemon?.tlsSecret, signal)
      return planned
    },
    findBuilt: registry && findBuilt(site, registry),
    findAhead: isAheadOff ? undefined : (plan, toFind) => findAhead(site, plan, toFind),
    findStanding: isAheadOff ? undefined : (source, toFind) => findStanding(site, source, request, toFind),
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
export const builtImages = (site: Site, { digestOf }: RegistryClient): BuiltImages | undefined =>
  site.job !== undefined && !site.registry?.isKept ? createBuiltImages(site, digestOf) : undefined

export const findBuilt = (site: Site, registry: RegistryClient) =>
  site.registry?.isKept
    ? (plan: BuildPlan, signal: AbortSignal) => registry.digestOf(plan.pushReference, signal)
    : builtImages(site, registry)?.find

function repositoryFor({ registry, handle }: Site): string {
  if (registry === undefined) return handle
  return registry.isKept ? sharedRepository(registry) : repositoryOf(registry, handle)
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
  const asStanding = ({ name }: Pick<LedgerEntry, 'name'>): LedgerEntry => ({
    kind: 'standing-pod',
    name,
    takenBy: nonce
  })
  const buildingInPlace = site.aheadFor === undefined ? pods : pods.map(asStanding)
  if (decision.kind === 'in-place') return { buildingInPlace }
  if (decision.kind === 'standing') return { taking: [asStanding({ name: decision.standing.pod })], buildingInPlace }
  const pulling: Ledger = [
    { kind: 'secret', name: environmentName(runnerPod, nonce) },
    { kind: 'pod', name: stepPodName(runnerPod, nonce) }
  ]
  if (decision.kind !== 'build' && decision.kind !== 'ahead') return { building: [], pulling }
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
