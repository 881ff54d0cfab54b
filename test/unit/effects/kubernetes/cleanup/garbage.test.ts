/** Goal: only what is ours and belongs to nobody is garbage. Method: a cluster and a registry that are lists. */
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { findImages, findInNamespace, handlesIn } from '../../../../../src/effects/kubernetes/cleanup/garbage.ts'
import { handleOf } from '../../../../../src/effects/kubernetes/context/site.ts'
import type { RegistryClient } from '../../../../../src/effects/registry/client.ts'
import { StepError } from '../../../../../src/errors.ts'

const never = new AbortController().signal
const OURS = 'runner-pod,app.kubernetes.io/managed-by=slipway'
const owned = (name: string, runnerPod: string) => ({ name, uid: name, labels: { 'runner-pod': runnerPod } })

function clusterWith(parts: {
  readonly pods: readonly object[]
  readonly labelledPods: readonly object[]
  readonly secrets?: readonly object[]
}) {
  const calls: string[] = []
  const lists: Readonly<Record<string, readonly object[]>> = {
    [`pods ${OURS}`]: parts.labelledPods,
    [`secrets ${OURS}`]: parts.secrets ?? [],
    'pods all': parts.pods
  }
  const cluster = {
    namespace: 'ci',
    // Nobody answers there: only a namespace that is known not to exist is an error.
    access: { getCurrentCluster: () => ({ server: 'https://127.0.0.1:1' }), async applyToHTTPSOptions() {} },
    async list(resource: string, selector = 'all') {
      calls.push(`list ${resource} ${selector}`)
      return lists[`${resource} ${selector}`] ?? []
    },
    async deletePod(name: string) {
      calls.push(`delete pod ${name}`)
    },
    async deleteSecret(name: string) {
      calls.push(`delete secret ${name}`)
    }
  }
  return { cluster: cluster as unknown as Cluster, calls }
}

describe('garbage in a namespace', () => {
  it('is what has a label of ours and a runner pod that is not there', async () => {
    const labelledPods = [owned('gone-build', 'gone'), owned('here-step', 'here')]
    const secrets = [owned('gone-secret', 'gone'), owned('here-secret', 'here')]
    const { cluster, calls } = clusterWith({
      pods: [{ name: 'here', uid: '1' }, ...labelledPods],
      labelledPods,
      secrets
    })
    const { garbage } = await findInNamespace(cluster, never)
    expect(garbage).toMatchObject([
      { kind: 'pod', namespace: 'ci', name: 'gone-build', why: 'runner pod gone is gone' },
      { kind: 'secret', namespace: 'ci', name: 'gone-secret' }
    ])
    for (const each of garbage) await each.remove(never)
    expect(calls.slice(3, 5)).toEqual(['delete pod gone-build', 'delete secret gone-secret'])
  })

  it('is not what belongs to a pod that is there, whatever its label says', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'here', uid: '1' }]
    const labelledPods = [{ ...owned('step', 'gone'), ownerReferences }]
    const { cluster } = clusterWith({ pods: [{ name: 'here', uid: '1' }, ...labelledPods], labelledPods })
    expect(await findInNamespace(cluster, never)).toEqual({ garbage: [], kept: [] })
  })

  it('is not the image of a runner pod that is there', async () => {
    const { cluster } = clusterWith({ pods: [{ name: 'here', uid: '1' }], labelledPods: [] })
    expect(await handlesIn(cluster, never)).toEqual([handleOf({ metadata: { uid: '1' } })])
  })

  it('is looked for before the runner pods, so that one that comes in between is seen', async () => {
    const { cluster, calls } = clusterWith({ pods: [], labelledPods: [] })
    await findInNamespace(cluster, never)
    expect(calls).toEqual([`list pods ${OURS}`, `list secrets ${OURS}`, 'list pods all'])
  })
})

describe('garbage in a namespace where nothing may be listed', () => {
  it.each(['pods', 'secrets'])(
    'is refused with the pods named, even when the answer for %s comes first',
    async (first) => {
      const { cluster } = clusterWith({ pods: [], labelledPods: [] })
      const list = async (resource: string): Promise<never> => {
        if (resource !== first) await setTimeout(20)
        throw new Error(`may not list ${resource}`)
      }
      await expect(findInNamespace({ ...cluster, list } as Cluster, never)).rejects.toThrow('may not list pods')
    }
  )
})

describe('garbage in the registry', () => {
  const [LIVE, DEAD] = [handleOf({ metadata: { uid: 'live' } }), handleOf({ metadata: { uid: 'dead' } })]
  const madeBeforeMs = Date.UTC(2026, 10, 24)
  const registryWith = (repositories: readonly string[] | undefined, created: string | undefined) => {
    const removed: string[] = []
    const client = {
      repositories: async () => repositories,
      tagged: async (repository: string) => [`r:5000/${repository}:tag`],
      createdAt: async () => created,
      async remove(reference: string) {
        removed.push(reference)
      }
    }
    return { client: client as unknown as RegistryClient, removed }
  }
  const find = (client: RegistryClient) =>
    findImages(client, { handles: async () => new Set([LIVE]), madeBeforeMs }, never)

  it('is not that of a runner that came while the registry was looked through', async () => {
    const { client } = registryWith([DEAD], '2026-01-01T00:00:00Z')
    const asked: string[] = []
    const spied = {
      ...client,
      async tagged(...args: Parameters<RegistryClient['tagged']>) {
        asked.push('tags')
        return await client.tagged(...args)
      }
    }
    const handles = async () => {
      asked.push('runner pods')
      return new Set([DEAD])
    }
    const found = await findImages(spied, { handles, madeBeforeMs }, never)
    expect(found).toEqual({ garbage: [], kept: [] })
    expect(asked).toEqual(['tags', 'runner pods'])
  })

  it('is what has a name like ours, belongs to no runner pod, and is old', async () => {
    const others = ['base/debian', DEAD.slice(1), `${DEAD}0`, DEAD.toUpperCase(), `team/${DEAD}`]
    const { client, removed } = registryWith([LIVE, DEAD, ...others], '2026-11-23T23:59:59Z')
    const found = await find(client)
    expect(found?.garbage.map(({ name }) => name)).toEqual([`r:5000/${DEAD}:tag`])
    expect(found?.kept).toEqual([])
    await found?.garbage[0]?.remove(never)
    expect(removed).toEqual([`r:5000/${DEAD}:tag`])
  })

  it.each([
    ['it is young', '2026-11-24T00:00:01Z', 'it was made at 2026-11-24T00:00:01Z'],
    ['its age is not known', undefined, 'it does not say when it was made'],
    ['its age is no date', 'long ago', 'it does not say when it was made'],
    ['its age is what only JavaScript takes for a date', 'x 2001', 'it does not say when it was made'],
    ['its age is odd', '__proto__', 'it does not say when it was made']
  ])('does not hold an image when %s', async (_title, created, why) => {
    const found = await find(registryWith([DEAD], created).client)
    expect(found?.garbage).toEqual([])
    expect(found?.kept).toMatchObject([{ name: `r:5000/${DEAD}:tag`, why }])
  })

  /** A registry whose repositories have these tags; `trouble` is what it does about a name. */
  const registryOf = (
    tags: Readonly<Record<string, readonly string[]>>,
    trouble: (name: string) => void = () => {}
  ) => {
    const client = {
      ping: async () => {},
      repositories: async () => Object.keys(tags),
      async tagged(repository: string) {
        trouble(repository)
        return (tags[repository] ?? []).map((tag) => `r:5000/${repository}:${tag}`)
      },
      async createdAt(name: string) {
        trouble(name)
        return '2026-01-01T00:00:00Z'
      }
    }
    return client as unknown as RegistryClient
  }
  const OTHER = handleOf({ metadata: { uid: 'other' } })

  it.each([
    '',
    '..',
    'a/b',
    '.hidden',
    'x'.repeat(10_000),
    '\u001b[2J',
    'a\nb',
    'ü',
    'a b',
    'a@b',
    'a:b',
    '"',
    '[]',
    'a?b#c'
  ])('is no image with the tag %j, which is kept, and stops no other', async (tag) => {
    const found = await find(registryOf({ [DEAD]: [tag, 'good'], [OTHER]: ['good'] }))
    expect(found?.garbage.map(({ name }) => name)).toEqual([`r:5000/${DEAD}:good`, `r:5000/${OTHER}:good`])
    expect(found?.kept).toMatchObject([
      { name: `r:5000/${DEAD}:${tag}`, why: 'its tag is none that an image can have' }
    ])
    expect(found).not.toHaveProperty('failures')
  })

  it.each([
    ['repository', DEAD, `repository ${DEAD}: broken`, [`r:5000/${OTHER}:good`]],
    ['image', `r:5000/${DEAD}:bad`, `image r:5000/${DEAD}:bad: broken`, [`r:5000/${DEAD}:good`, `r:5000/${OTHER}:good`]]
  ])('is found beside a %s that cannot be looked at, which is told', async (_title, bad, failure, garbage) => {
    const client = registryOf({ [DEAD]: ['bad', 'good'], [OTHER]: ['good'] }, (name) => {
      if (name === bad) throw new StepError('registry-unreachable', 'broken')
    })
    const found = await find(client)
    expect(found?.garbage.map(({ name }) => name)).toEqual(garbage)
    expect(found?.failures).toEqual([failure])
  })

  it('is not looked for any more when the registry itself is gone', async () => {
    const gone = () => {
      throw new StepError('registry-unreachable', 'gone')
    }
    const client = { ...registryOf({ [DEAD]: ['a'], [OTHER]: ['a'] }, gone), ping: async () => gone() }
    await expect(find(client as RegistryClient)).rejects.toThrow('gone')
  })

  it('is unknown when the registry does not list what it has', async () => {
    expect(await find(registryWith(undefined, undefined).client)).toBeUndefined()
  })
})
