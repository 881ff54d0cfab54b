/** A runner that is killed with its pod in the middle of a step: what becomes of all that was made for it. */
import type { V1Pod } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { gc } from '../../src/cli/gc.ts'
import { whyNoContainers } from './support/container.ts'
import type { HookEnd } from './support/hook.ts'
import { type JobStory, SMOOTH, type StepStory } from './support/job-story.ts'
import { openSimulation, type Simulation } from './support/simulation.ts'
import { RUNNER_POD } from './support/world.ts'

vi.mock('../../src/effects/system.ts', async (real) => ({
  ...(await real<object>()),
  ...(await import('./support/system.ts'))
}))

const step = (id: string, runs: StepStory['runs'], ms: number): StepStory => ({
  id,
  runs,
  exitCode: 0,
  deeds: [
    { does: 'say', text: id },
    { does: 'wait', ms }
  ]
})

const story = {
  mode: 'copy',
  job: { image: 'debian:1', services: [], course: SMOOTH },
  steps: [[step('built', 'Dockerfile', 10)], [step('killed', 'image', 60_000)], [step('next', 'script', 10)]],
  builds: [
    {
      ...SMOOTH,
      program: { lines: [], endsAfterMs: 100, exitCode: 0 },
      pushes: [{ endsAfterMs: 100, isAccepted: true }]
    }
  ],
  faults: []
} satisfies JobStory

describe.skipIf(whyNoContainers() !== undefined)('when a runner pod is gone in the middle of a step', () => {
  let simulation: Simulation
  /** As it was. */
  let gone: V1Pod

  const call = async (input: object): Promise<HookEnd> => await simulation.pass((await simulation.start(input)).ended)

  const collect = async (): Promise<string> => {
    const { runner, run } = simulation
    let said = ''
    const world = {
      write: (data: string | Uint8Array) => {
        said += Buffer.from(data).toString('utf8')
      },
      environment: runner.environment,
      workingDirectory: '/',
      temporaryDirectory: '/',
      isRoot: false,
      onCancel: () => () => {}
    }
    const exitCode = await run(() => gc.run(['--namespace', 'arc'], world as unknown as Parameters<typeof gc.run>[1]))
    expect(exitCode, said).toBe(0)
    return said
  }

  beforeEach(async () => {
    simulation = await openSimulation(story)
    const { runner, world, clock, pass } = simulation
    expect((await call(runner.prepareJob())).exitCode).toBe(0)
    runner.response()
    expect((await call(runner.step(story.steps[0]?.[0] as StepStory))).exitCode).toBe(0)
    const hook = await simulation.start(runner.step(story.steps[1]?.[0] as StepStory))
    await pass(clock.sleep(2_000, new AbortController().signal))
    expect(simulation.witnessed('killed')).toBe('started\n')
    hook.kill()
    gone = world.pods.get(RUNNER_POD)?.pod as V1Pod
    world.deletePod(RUNNER_POD, 0)
  })
  afterEach(() => simulation.close())

  test('Kubernetes finds everything in the cluster that it owned, and gc the image', async () => {
    const { world, things } = simulation
    const isOwned = ({ metadata }: Pick<V1Pod, 'metadata'>) =>
      metadata?.ownerReferences?.some(({ uid }) => uid === gone.metadata?.uid)
    for (const { pod } of [...world.pods.values()].filter(({ pod }) => isOwned(pod))) {
      world.deletePod(pod.metadata?.name ?? '', 0)
    }
    for (const secret of [...world.secrets.values()].filter(isOwned)) world.deleteSecret(secret.metadata?.name ?? '')
    expect(things()).toEqual([expect.stringMatching(/^image /)])
    await collect()
    expect(things()).toEqual([])
  })

  test('gc removes all of it, and nothing of a runner that is there', async () => {
    const { world, things } = simulation
    const other = { ...gone, metadata: { ...gone.metadata, name: 'runner-xyz', uid: 'xyz' } }
    world.createPod(other)
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'runner-xyz', uid: 'xyz' }
    const labels = { 'runner-pod': 'runner-xyz', 'app.kubernetes.io/managed-by': 'slipway' }
    world.createSecret({ metadata: { name: 'runner-xyz-secret-1', labels, ownerReferences: [owner] } })
    const said = await collect()
    expect(things()).toEqual(['pod runner-xyz', 'secret runner-xyz-secret-1'])
    expect(said).toMatch(/removed, 0 kept, 0 problems/)
    expect(await collect()).toMatch(/^0 removed/m)
  })

  test('a new runner of its name sweeps what is left, and nothing of the old job is taken for its own', async () => {
    const { world, runner, things, witnessed } = simulation
    world.createPod({ ...gone, metadata: { ...gone.metadata, uid: 'another' } })
    runner.write('only/now', 'now')
    expect((await call(runner.prepareJob())).exitCode).toBe(0)
    runner.response()
    const { exitCode } = await call(runner.step(story.steps[2]?.[0] as StepStory))
    expect(exitCode).toBe(0)
    expect(witnessed('next.seen')).toContain('./only/now:now')
    expect((await call(runner.cleanUpJob())).exitCode).toBe(0)
    expect(things().filter((thing) => !thing.startsWith('image '))).toEqual([])
    expect(witnessed('killed')).toBe('started\n')
  })
})
