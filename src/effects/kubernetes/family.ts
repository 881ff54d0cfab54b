/** The Kubernetes family of ports: what a container step needs, made of pods, secrets and a registry, for the hook. */
import { dirname } from 'node:path'
import { StepError, toStepError } from '../../errors.ts'
import type { LedgerEntry } from '../../machines/ledger.ts'
import type { StepPorts } from '../../machines/ports.ts'
import type { BuildPlan, Creates } from '../../machines/types.ts'
import { defaultBuilder } from '../builders/catalog.ts'
import { listContext } from '../content/context.ts'
import { createRegistryClient } from '../registry/client.ts'
import { createResolver } from '../resolver.ts'
import { createBuilder } from './builder.ts'
import { connectCluster } from './client.ts'
import { createJanitor, labelled } from './janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from './options.ts'
import { createRunner } from './runner.ts'
import { discoverSite, handleOf, type Site } from './site.ts'
import { mirrorFromJob } from './step-files.ts'

export { createJobPorts } from './job-host.ts'

const notConfigured = () =>
  new StepError(
    'not-configured',
    'building a Dockerfile needs a registry: set ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST, ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PORT and ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_NODE_PORT for the runner'
  )

/** The ports of one container step. The cluster is first looked at when the machine resolves, so that failures there are a stage's. */
export function createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts {
  const registry = options.registry && createRegistryClient(options.registry)
  const builderImage = options.builderImage ?? defaultBuilder.defaultImage
  let family: Omit<StepPorts, 'resolver' | 'clock'> | undefined
  const made = () => {
    if (family === undefined)
      throw new StepError('internal', 'the Kubernetes family is used before it resolved anything')
    return family
  }
  const makeFamily = (site: Site) => {
    const builder = createBuilder(site, {
      definition: defaultBuilder,
      image: builderImage,
      plainHttpHosts: options.registry?.plainHttp ? [options.registry.pushHost] : [],
      contextFilter: sentPaths
    })
    const runner = createRunner(site)
    return {
      builder,
      pusher: builder,
      runner,
      workspace: runner,
      janitor: createJanitor(site, registry, builder.pushState)
    }
  }
  return {
    clock: deps.clock,
    resolver: {
      resolve: (request, signal) =>
        asPort(signal, async () => {
          const site = await discoverSite(options, deps, signal)
          family = makeFamily(site)
          if (request.image === undefined && request.dockerfile !== undefined) {
            await mirrorFromJob(site, dirname(request.dockerfile), signal)
          }
          const resolver = createResolver({
            registry: options.registry,
            notConfigured,
            newHandle: () => site.handle,
            builderIdentity: `${defaultBuilder.name} ${defaultBuilder.version} ${builderImage}`,
            // In a job with a job pod an image lives until cleanup_job: pre, main and post are built once.
            ...(site.job && registry && { findBuilt: registry.digestOf }),
            creates: (plan) => createsOf(site, plan)
          })
          return await resolver.resolve(request, signal)
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

function createsOf(site: Site, plan: BuildPlan | undefined): Creates {
  const { buildPods, stepPod, environment } = site.names
  const pods = buildPods.map((name): LedgerEntry => ({ kind: 'pod', name }))
  // In a job with a job pod the image stays for the action's other parts: cleanup_job removes it.
  const images: LedgerEntry[] =
    plan === undefined || site.job !== undefined ? [] : [{ kind: 'image', name: plan.pushReference }]
  const building = plan === undefined ? [] : [...pods, ...images]
  return {
    building,
    pulling: [
      { kind: 'secret', name: environment },
      { kind: 'pod', name: stepPod }
    ]
  }
}

async function sentPaths(plan: BuildPlan, signal: AbortSignal): Promise<(path: string) => boolean> {
  const entries = await listContext(plan.contextDirectory, plan.dockerfile, signal)
  const paths = new Set(entries.map(({ path }) => path))
  return (path) => paths.has(path)
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

/** Between looks at whether everything is gone. */
const GONE_POLL_MS = 200

/**
 * Removes everything labelled for this runner pod, in the cluster and in the registry, and waits until it is gone.
 * Idempotent; what is gone already is not an error. Rejects with `cleanup-failed` naming what could not be removed.
 */
export async function cleanUpJob(
  options: KubernetesOptions,
  deps: KubernetesDependencies,
  signal: AbortSignal
): Promise<void> {
  const cluster = await connectCluster({
    service: options.service,
    namespace: options.namespace,
    clock: deps.clock,
    onRetry: deps.reporter.line
  })
  const registry = options.registry && createRegistryClient(options.registry)
  const janitor = createJanitor({ cluster, clock: deps.clock }, registry)
  const runnerPod = await cluster.getPod(options.runnerPod, signal)
  const pods = await labelled(cluster, options.runnerPod, signal)
  await janitor.cleanUp(pods, false, signal)
  if (registry !== undefined && runnerPod !== undefined) {
    const images = await registry.tagged(handleOf(runnerPod), signal)
    await janitor.cleanUp(
      images.map((name) => ({ kind: 'image', name })),
      false,
      signal
    )
  }
  while ((await labelled(cluster, options.runnerPod, signal)).length > 0) await deps.clock.sleep(GONE_POLL_MS, signal)
}
