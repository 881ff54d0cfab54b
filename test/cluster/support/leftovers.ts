/** Oracles at the boundary: what a hook has left in the cluster, in the registry, or has said wrongly in the log. */
import type { V1Pod } from '@kubernetes/client-node'
import { expect } from 'vitest'
import { handleOf } from '../../../src/effects/kubernetes/context/site.ts'
import { get, kubectl } from './kubectl.ts'
import type { Finished } from './process.ts'
import { isRunnerPod, type RunnerPod } from './runner-pod.ts'

interface Named {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
}

/** On what a test itself has put into the runners' namespace, as an administrator would. */
export const GIVEN_LABEL = 'slipway-test/given'

const REPOSITORIES = '/var/lib/registry/docker/registry/v2/repositories'

/** Everything the registry still links to, tags and manifests, apart from the base images. */
export async function registryContent(): Promise<string[]> {
  const { stdout } = await kubectl([
    ...['exec', '-n', 'default', 'deployment/docker-registry', '--'],
    ...['find', REPOSITORIES, '-path', '*/_manifests/*', '-name', 'link']
  ])
  return stdout
    .split('\n')
    .filter((path) => path !== '')
    .map((path) => path.slice(REPOSITORIES.length + 1))
    .filter((path) => !path.startsWith('base/'))
    .sort()
}

/** Pods and secrets in the test's namespace besides the runner pods and what was given, whether they carry our label or not. */
export async function objectsLeft(pod: RunnerPod): Promise<string[]> {
  const objects = await get<Named>(['pods,secrets', '-n', pod.namespace])
  return objects
    .filter(({ metadata }) => !isRunnerPod(metadata.name) && metadata.labels?.[GIVEN_LABEL] === undefined)
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
}

/** Nothing of ours is left: no pod, no secret, and no image that was not in the registry `before`. */
export async function expectNothingLeft(pod: RunnerPod, before: readonly string[]): Promise<void> {
  const [objects, handle, content] = await Promise.all([objectsLeft(pod), handleOfPod(pod), registryContent()])
  expect(objects).toEqual([])
  const known = new Set(before)
  const isOfOther = (link: string) => HANDLE.test(link) && !link.startsWith(`${handle}/`)
  expect(content.filter((link) => !known.has(link) && !isOfOther(link))).toEqual([])
}

/** Repositories of other runners, which may be at work in the same registry, look like this. */
const HANDLE = /^[0-9a-f]{24}\//

async function handleOfPod(pod: RunnerPod): Promise<string> {
  const [runner] = await get<V1Pod>(['pod', pod.name, '-n', pod.namespace])
  return handleOf(runner as V1Pod)
}

/** The `::error::` annotations of a run. */
export const errorsOf = (run: Finished): string[] =>
  run.lines.map(({ text }) => text).filter((text) => text.startsWith('::error'))
