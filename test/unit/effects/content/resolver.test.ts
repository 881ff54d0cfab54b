/** Goal: what to run is decided once, under names that later stages can rely on. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createResolver, type ResolverOptions } from '../../../../src/effects/content/resolver.ts'
import { StepError } from '../../../../src/errors.ts'
import type { ResolveInput } from '../../../../src/machines/inputs.ts'
import type { BuildPlan, StepRequest } from '../../../../src/machines/types.ts'

const never = new AbortController().signal
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-resolver-'))
  await writeFile(join(directory, 'my.Dockerfile'), 'FROM scratch')
})
afterEach(() => rm(directory, { recursive: true }))

const request = (what: Partial<StepRequest>): ResolveInput => ({
  request: { args: [], env: {}, workingDirectory: '/github/workspace', mounts: [], ...what },
  buildAttemptsMax: 2
})

function resolver(options: Partial<ResolverOptions> = {}) {
  let handles = 0
  return createResolver({
    registry: { pushHost: 'reg:5000', pullHost: 'localhost:30500', plainHttp: true },
    notConfigured: () => new StepError('not-configured', 'set the variables'),
    repository: () => `handle${++handles}`,
    chooseBuilder: () => ({ identity: 'kaniko v1' }),
    nonce: () => `nonce${handles}`,
    creates: (decision, { nonce, buildAttemptsMax }) => ({
      building:
        decision.kind === 'build'
          ? [
              { kind: 'build-pod', name: `${nonce}-${buildAttemptsMax}` },
              { kind: 'image', name: decision.plan.pushReference }
            ]
          : [],
      pulling: [{ kind: 'pod', name: nonce }]
    }),
    ...options
  })
}

describe('the resolver', () => {
  it('takes a prebuilt image as it is, without a registry', async () => {
    const resolution = await resolver({ registry: undefined }).resolve(request({ image: 'alpine:3' }), never)
    expect(resolution).toEqual({
      kind: 'prebuilt',
      nonce: 'nonce0',
      image: 'alpine:3',
      creates: { building: [], pulling: [{ kind: 'pod', name: 'nonce0' }] }
    })
  })

  it('plans a build whose tag is the hash of its inputs', async () => {
    const made = resolver()
    const dockerfile = join(directory, 'my.Dockerfile')
    const [one, two] = [
      await made.resolve(request({ dockerfile }), never),
      await made.resolve(request({ dockerfile }), never)
    ]
    if (one.kind !== 'build' || two.kind !== 'build') throw new Error('nothing is built')
    expect(one.plan).toMatchObject({
      contextDirectory: directory,
      dockerfile: 'my.Dockerfile',
      contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      pushReference: expect.stringMatching(/^reg:5000\/handle1:[0-9a-f]{40}$/),
      pullRepository: 'localhost:30500/handle1'
    })
    expect(one.creates.building).toEqual([
      { kind: 'build-pod', name: `${one.nonce}-2` },
      { kind: 'image', name: one.plan.pushReference }
    ])
    expect(two.plan.pushReference).toBe(one.plan.pushReference.replace('handle1', 'handle2'))
    await writeFile(dockerfile, 'FROM scratch\nUSER 1')
    const changed = await made.resolve(request({ dockerfile }), never)
    if (changed.kind !== 'build') throw new Error('nothing is built')
    expect(changed.plan.pushReference.split(':').at(-1)).not.toBe(one.plan.pushReference.split(':').at(-1))
  })

  it('gives each build a tag of its own where nothing is found by tags', async () => {
    const made = resolver({ hasOwnTag: true })
    const build = async () => {
      const resolution = await made.resolve(request({ dockerfile: join(directory, 'my.Dockerfile') }), never)
      if (resolution.kind !== 'build') throw new Error('nothing is built')
      return resolution
    }
    const [one, two] = [await build(), await build()]
    expect(one.plan.contentHash).toBe(two.plan.contentHash)
    for (const { plan, nonce } of [one, two])
      expect(plan.pushReference.split(':').at(-1)).toBe(`${plan.contentHash.slice(0, 40)}-${nonce}`)
    expect(one.nonce).not.toBe(two.nonce)
  })

  it('plans what was chosen by the text of the Dockerfile and by what is in its context', async () => {
    await symlink('my.Dockerfile', join(directory, 'link'))
    await writeFile(join(directory, 'my.Dockerfile.dockerignore'), 'x')
    const found: unknown[] = []
    const made = resolver({
      chooseBuilder: ({ text, ignoreFile, entries }) => {
        found.push(text, ignoreFile, entries.map(({ path }) => path).sort())
        return { identity: 'one', builder: 'kaniko', rewritten: { text: 'FROM b', ignoreFile } }
      }
    })
    const resolution = await made.resolve(request({ dockerfile: join(directory, 'my.Dockerfile') }), never)
    expect(found).toEqual(['FROM scratch', 'x', ['link', 'my.Dockerfile', 'my.Dockerfile.dockerignore']])
    const plan = { builder: 'kaniko', rewritten: { text: 'FROM b', ignoreFile: 'x' }, isFiltered: true }
    expect(resolution).toMatchObject({ kind: 'build', plan })
  })

  it('runs an image that was built before by its digest, and builds nothing', async () => {
    const asked: string[] = []
    const findBuilt = async ({ pushReference, contentHash }: BuildPlan) => {
      asked.push(pushReference)
      expect(pushReference).toBe(`reg:5000/handle1:${contentHash.slice(0, 40)}`)
      return 'sha256:abc'
    }
    const made = resolver({ findBuilt })
    const resolution = await made.resolve(request({ dockerfile: join(directory, 'my.Dockerfile') }), never)
    expect(resolution).toMatchObject({ kind: 'cached', image: 'localhost:30500/handle1@sha256:abc' })
    expect(resolution.creates.building).toEqual([])
    expect(asked).toEqual([expect.stringMatching(/^reg:5000\/handle1:/)])
  })

  it('builds when nothing was built before', async () => {
    const made = resolver({ findBuilt: async () => undefined })
    const resolution = await made.resolve(request({ dockerfile: join(directory, 'my.Dockerfile') }), never)
    expect(resolution.kind).toBe('build')
  })

  it.each([
    ['no registry is configured', { registry: undefined }, 'my.Dockerfile', 'not-configured'],
    ['there is no Dockerfile', {}, 'Dockerfile', 'dockerfile-not-found'],
    ['the Dockerfile is a directory', {}, '.', 'dockerfile-not-found']
  ])('refuses to build when %s', async (_title, options, name, code) => {
    const resolving = resolver(options).resolve(request({ dockerfile: join(directory, name) }), never)
    await expect(resolving).rejects.toMatchObject({ code })
  })

  it('refuses a request for nothing', async () => {
    await expect(resolver().resolve(request({}), never)).rejects.toMatchObject({ code: 'invalid-input' })
  })
})
