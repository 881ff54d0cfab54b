/** The Kubernetes backend of ports for one container step, made of pods, secrets and a registry, for the hook. */
import { dirname } from 'node:path'
import { StepError, toStepError } from '../../../errors.ts'
import type { LedgerEntry } from '../../../machines/ledger.ts'
import type { StepPorts } from '../../../machines/ports.ts'
import type { BuildPlan, Creates, Resolution } from '../../../machines/types.ts'
import { type ChosenBuilder, chooseBuilder, identityOf } from '../../builders/choose.ts'
import type { RegistryClient } from '../../registry/client.ts'
import { repositoryOf, sharedRepository } from '../../registry/reference.ts'
import { createResolver } from '../../resolver.ts'
import { architecture } from '../../system.ts'
import { createJanitor } from '../cleanup/janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { chooseTransfer } from '../files/choose.ts'
import { type BuiltImages, createBuiltImages } from '../registry/built-images.ts'
import { createBuilder } from './build.ts'
import { checkStep, createRunner } from './run.ts'

const notConfigured = () =>
  new StepError(
    'not-configured',
    'building a Dockerfile needs a registry: set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST for the runner, and for one in the cluster ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT and ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT'
  )

/** What of the builder is part of a build's hash. */
const inputsIdentity = (builder: ChosenBuilder): string => `${identityOf(builder)} ${architecture}`

type Backend = Omit<StepPorts, 'resolver' | 'clock'>

/** What is known of images; undefined where nothing is built, or nothing outlives the step. */
interface Knowledge {
  readonly registry: RegistryClient | undefined
  readonly images: BuiltImages | undefined
}

function createBackend(site: Site, builder: ChosenBuilder, knowledge: Knowledge, { kind }: Resolution): Backend {
  const { registry, images } = knowledge
  const buildPodBuilder = createBuilder(site, {
    builder,
    digestOf: registry?.digestOf,
    remember: images?.remember,
    identity: inputsIdentity(builder)
  })
  const runner = createRunner(site, kind !== 'prebuilt')
  return {
    builder: buildPodBuilder,
    pusher: buildPodBuilder,
    runner,
    workspace: runner,
    janitor: createJanitor(site, registry, buildPodBuilder.pushState)
  }
}

/** The ports of one container step. The cluster is first looked at when the machine resolves, so that failures there are a stage's. */
export function createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts {
  const builder = chooseBuilder(options)
  let backend: Backend | undefined
  const made = () => {
    if (backend === undefined)
      throw new StepError('internal', 'the Kubernetes backend is used before it resolved anything')
    return backend
  }
  return {
    clock: deps.clock,
    resolver: {
      resolve: (request, signal) =>
        asPort(signal, async () => {
          const site = await discoverSite(options, deps, signal)
          checkStep(site, request)
          const dockerfile = request.image === undefined ? request.dockerfile : undefined
          const registry = dockerfile === undefined ? undefined : await openForBuild(site, signal)
          const images = registry && builtImages(site, registry)
          if (dockerfile !== undefined) {
            await chooseTransfer(site).copyOutOfJob(dirname(dockerfile), signal)
            await requireCertificates(site, builder.daemon?.tlsSecret, signal)
          }
          const resolver = createResolver({
            registry: options.registry,
            notConfigured,
            contextRoot: site.storage.workDirectory,
            repository: () => repositoryFor(site),
            builderIdentity: inputsIdentity(builder),
            findBuilt: registry && findBuilt(site, registry, images),
            creates: (plan) => createsOf(site, plan)
          })
          const resolution = await resolver.resolve(request, signal)
          backend = createBackend(site, builder, { registry, images }, resolution)
          if (resolution.kind === 'cached') deps.reporter.line(`Nothing to build: ${resolution.image} has this content`)
          return resolution
        })
    },
    builder: { build: (plan, signal) => asPort(signal, () => made().builder.build(plan, signal)) },
    pusher: { push: (plan, built, signal) => asPort(signal, () => made().pusher.push(plan, built, signal)) },
    runner: {
      pull: (image, request, signal) => asPort(signal, () => made().runner.pull(image, request, signal)),
      run: (image, request, signal) => asPort(signal, () => made().runner.run(image, request, signal))
    },
    workspace: { collect: (request, signal) => asPort(signal, () => made().workspace.collect(request, signal)) },
    janitor: {
      // Nothing was resolved, so nothing was created.
      cleanUp: (ledger, hurried, signal) =>
        asPort(signal, async () => ledger.length > 0 && made().janitor.cleanUp(ledger, hurried, signal)).then(() => {})
    }
  }
}

/** In a job with a job pod an image lives until cleanup_job, so that pre, main and post are built once. */
const outlivesStep = ({ job, registry }: Site): boolean => job !== undefined || registry?.isKept === true

/** Without a job pod nothing outlives the step; what is kept is found by its tag, which only those with credentials can move. */
const builtImages = (site: Site, { digestOf }: RegistryClient): BuiltImages | undefined =>
  site.job !== undefined && !site.registry?.isKept ? createBuiltImages(site, digestOf) : undefined

const findBuilt = ({ registry: settings }: Site, { digestOf }: RegistryClient, images: BuiltImages | undefined) =>
  settings?.isKept ? (plan: BuildPlan, signal: AbortSignal) => digestOf(plan.pushReference, signal) : images?.find

function repositoryFor({ registry, handle }: Site): string {
  if (registry === undefined) return handle
  return registry.isKept ? sharedRepository(registry) : repositoryOf(registry, handle)
}

/** What a build needs of the registry and of Secrets is looked at before it, not after. Undefined: none is configured. */
async function openForBuild(site: Site, signal: AbortSignal): Promise<RegistryClient | undefined> {
  const { registry: settings } = site
  if (settings === undefined) return undefined
  const { checkPodSecrets, openRegistry } = await import('../registry/credentials.ts')
  const [registry] = await Promise.all([openRegistry(site, settings, signal), checkPodSecrets(site, settings, signal)])
  // Credentials or a certificate that are refused would be found out only after the build.
  if (settings.pushSecret !== undefined || !settings.plainHttp) await registry.ping(signal)
  return registry
}

function createsOf(site: Site, plan: BuildPlan | undefined): Creates {
  const { buildPods, stepPod, environment } = site.names
  const pods = buildPods.map((name): LedgerEntry => ({ kind: 'pod', name }))
  const images: LedgerEntry[] =
    plan === undefined || outlivesStep(site) ? [] : [{ kind: 'image', name: plan.pushReference }]
  const building = plan === undefined ? [] : [...pods, ...images]
  return {
    building,
    pulling: [
      { kind: 'secret', name: environment },
      { kind: 'pod', name: stepPod }
    ]
  }
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
