/** The Kubernetes backend of ports for one container step, made of pods, secrets and a registry, for the hook. */
import { StepError, toStepError } from '../../../errors.ts'
import type { InPlaceBuilder, StepPorts } from '../../../machines/ports.ts'
import type { BuiltImage } from '../../../machines/types.ts'
import { chooseBuilders } from '../../builders/choose.ts'
import type { RegistryClient } from '../../registry/client.ts'
import { type LookUp, remembered } from '../../remembered.ts'
import { type CleanupDependencies, createJanitor } from '../cleanup/janitor.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../context/options.ts'
import { discoverSite, type Site } from '../context/site.ts'
import { createBuilder } from './build.ts'
import { createInPlaceBuilder } from './in-place.ts'
import { joinBuild } from './join.ts'
import { builtImages, findBuilt, inputsIdentity, resolve } from './resolve.ts'
import { createRunner } from './run.ts'
import { release } from './standing.ts'

/** Of a push that has ended. */
const ONE_TRY = { triesMax: 1, backOffMs: 0, backOffMsMax: 0 }

/**
 * The ports of one container step. The cluster is first looked at when the machine resolves, so that failures there are a
 * stage's. What is remembered here are two answers, the site and the registry's client: asked again they would be the same,
 * only later; and connections that were opened early.
 */
export function createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts {
  return createPortsOn(options, deps, (signal) => discoverSite(options, deps, signal))
}

/** The same where somebody else looks at the cluster. */
export function createPortsOn(
  options: KubernetesOptions,
  deps: KubernetesDependencies,
  lookAtSite: (signal: AbortSignal) => Promise<Site>
): StepPorts {
  const builders = chooseBuilders(options)
  const siteOf = remembered(lookAtSite)
  const registryOf = remembered(async (signal) => openIfConfigured(await siteOf(signal), signal))
  const withSite = <T>(signal: AbortSignal, work: (site: Site) => Promise<T>): Promise<T> =>
    asPort(signal, async () => work(await siteOf(signal)))
  const builderOf = async (site: Site, signal: AbortSignal) => {
    const registry = await registryOf(signal)
    const remember = registry && builtImages(site, registry)?.remember
    return createBuilder(site, { builders, digestOf: registry?.digestOf, remember, identityOf: inputsIdentity(site) })
  }
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
    joiner: {
      join: (input, signal) =>
        withSite(signal, async (site) => {
          const registry = await registryOf(signal)
          const find = registry && findBuilt(site, registry)
          if (find === undefined) return {}
          const builder = await builderOf(site, signal)
          const { plan } = input
          const takeOver = (built: BuiltImage, toPush: AbortSignal) =>
            builder.push({ plan, built, tries: ONE_TRY }, () => {}, toPush)
          return await joinBuild(site, { find, takeOver }, input, signal)
        })
    },
    builder: {
      build: (input, signal) => withSite(signal, async (site) => (await builderOf(site, signal)).build(input, signal))
    },
    pusher: {
      push: (input, tell, signal) =>
        withSite(signal, async (site) => (await builderOf(site, signal)).push(input, tell, signal))
    },
    inPlace: inPlaceOn(options, deps, siteOf),
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
          await createJanitor(releasing(site), hasImage ? await registryOf(signal) : undefined).cleanUp(input, signal)
        })
      }
    }
  }
}

/** One builder for all calls: it opens connections for those that come. */
function inPlaceOn(
  options: KubernetesOptions,
  { randomHex }: KubernetesDependencies,
  siteOf: LookUp<Site>
): InPlaceBuilder {
  const builders = chooseBuilders(options)
  const hasInit = options.inPlaceInit === 'on'
  const builderOf = remembered(async (signal) => {
    const site = await siteOf(signal)
    return createInPlaceBuilder(site, { builders, hasInit, randomHex, identityOf: inputsIdentity(site) })
  })
  const withBuilder = <T>(signal: AbortSignal, work: (builder: InPlaceBuilder) => Promise<T>): Promise<T> =>
    asPort(signal, async () => work(await builderOf(signal)))
  return {
    take: (input, signal) => withBuilder(signal, (builder) => builder.take(input, signal)),
    buildInPlace: (input, signal) => withBuilder(signal, (builder) => builder.buildInPlace(input, signal)),
    handOver: (input, signal) => withBuilder(signal, (builder) => builder.handOver(input, signal))
  }
}

const releasing = (site: Site): CleanupDependencies => ({
  ...site,
  release: (entry, signal) => release(site, entry, signal)
})

async function openIfConfigured(site: Site, signal: AbortSignal): Promise<RegistryClient | undefined> {
  if (site.registry === undefined) return undefined
  const { openRegistry } = await import('../registry/credentials.ts')
  return await openRegistry(site, site.registry, signal)
}

/** Ports reject with StepErrors, whatever a library or an aborted signal rejects with. */
export async function asPort<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'cancelled', { cause: thrown })
    throw toStepError(thrown)
  }
}
