/** slipway gc against real leftovers: a hook that was killed, objects without owner, and a runner pod that is gone. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { cli, installCli } from './support/cli.ts'
import { blocksOf, follow, root } from './support/documentation.ts'
import { startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { createOwnRegistry, type OwnRegistry } from './support/own-registry.ts'
import type { Finished } from './support/process.ts'
import { createRunnerPod, type RunnerPod } from './support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

interface Named {
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const LABEL = 'app.kubernetes.io/managed-by'

/** As docs/operating.md says, and at once: in the test's namespace, with this cluster's image and registry. */
async function collectByCronJob(namespace: string, environment: OwnRegistry['environment']): Promise<void> {
  const overlay = await mkdtemp(join(tmpdir(), 'slipway-gc-'))
  try {
    const at = '/spec/jobTemplate/spec/template/spec/containers/0'
    const env = Object.entries(environment).map(([name, value]) => ({ name, value }))
    const patch = [
      { op: 'replace', path: `${at}/env`, value: env },
      { op: 'replace', path: `${at}/image`, value: IMAGES.runner }
    ]
    const kustomization = {
      namespace,
      resources: [relative(join(overlay, 'gc'), fileURLToPath(new URL('deploy/gc', root)))],
      patches: [{ target: { kind: 'CronJob' }, patch: JSON.stringify(patch) }]
    }
    await mkdir(join(overlay, 'gc'))
    await writeFile(join(overlay, 'gc', 'kustomization.yaml'), JSON.stringify(kustomization))
    await follow(await blocksOf('docs/operating.md', 'slipway gc'), { NAMESPACE: namespace, DEPLOY: overlay })
  } finally {
    await rm(overlay, { recursive: true, force: true })
  }
}

describe.skipIf(!(await canBuild()))('slipway gc', () => {
  let namespace: TestNamespace
  let registry: OwnRegistry
  let alive: RunnerPod
  let dead: RunnerPod

  beforeAll(async () => {
    namespace = await createTestNamespace()
    const pods = [createRunnerPod(namespace.name, 'copy'), createRunnerPod(namespace.name, 'copy')] as const
    ;[registry, alive, dead] = await Promise.all([createOwnRegistry(namespace.name), ...pods])
    await installCli(alive)
    await crash()
  })
  afterAll(async () => {
    await alive?.remove()
    await namespace?.remove()
  })

  /** In a pod that lives, with nothing but the Role of a runner. */
  const gc = (...args: readonly string[]): Promise<Finished> => alive.exec(cli(registry.environment, 'gc', ...args))
  const labelled = async () => {
    const found = await get<Named>(['pods,secrets', '-n', namespace.name, '-l', `runner-pod=${dead.name}`])
    return found.map(({ kind, metadata }) => ({ kind: kind.toLowerCase(), name: metadata.name }))
  }

  /** A hook is killed while its action runs, what it made loses its owner, and its pod goes. */
  async function crash() {
    const directory = await installAction(dead, 'endless', {
      'busybox.base64': await registry.busybox(),
      Dockerfile: dockerfile('scratch', 'COPY sleep /sleep', 'ENTRYPOINT ["/sleep", "600"]')
    })
    const made = await dead.exec([
      'sh',
      '-c',
      `cd ${directory} && base64 -d busybox.base64 > sleep && chmod +x sleep && rm busybox.base64`
    ])
    expect(made.exitCode, made.stderr).toBe(0)
    const step = await startContainerStep(
      dead,
      { dockerfile: `${directory}/Dockerfile` },
      { env: registry.environment }
    )
    await step.line(/^Run: /)
    await step.signal('KILL')
    await step.finished
    for (const { kind, name } of await labelled()) {
      const orphaned = ['--type=json', '-p', '[{"op":"remove","path":"/metadata/ownerReferences"}]']
      await kubectl(['patch', kind, name, '-n', namespace.name, ...orphaned])
    }
    await dead.remove()
    await eventually(`the end of ${dead.name}`, 30_000, async () => {
      const pods = await get<Named>(['pods', '-n', namespace.name])
      return !pods.some(({ metadata }) => metadata.name === dead.name)
    })
  }

  it('shows what would be removed, and removes nothing', async () => {
    const before = await labelled()
    expect(new Set(before.map(({ kind }) => kind))).toEqual(new Set(['pod', 'secret']))
    const run = await gc('--dry-run', '--json', '--image-age', '0')
    expect(run.exitCode, run.stdout).toBe(0)
    const items: readonly { kind: string; fate: string }[] = JSON.parse(run.stdout).items
    expect(items.map(({ kind, fate }) => `${kind} ${fate}`).sort()).toEqual([
      'image would be removed',
      ...before.map(({ kind }) => `${kind} would be removed`).sort()
    ])
    expect(await labelled()).toEqual(before)
    expect(await registry.content()).not.toEqual([])
  })

  it('removes what has no runner pod, and neither what has one, nor what is not ours, nor a young image', async () => {
    const secret = (name: string, labels: object) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: namespace.name, labels }
    })
    const others = [
      secret('of-the-living', { 'runner-pod': alive.name, [LABEL]: 'slipway' }),
      secret('of-others', { 'runner-pod': 'gone', [LABEL]: 'somebody-else' })
    ]
    await apply(...others)
    const run = await gc()
    expect(run.exitCode, run.stdout).toBe(0)
    expect(run.stdout).toContain(`runner pod ${dead.name} is gone`)
    expect(run.stdout).toMatch(/^\d+ removed, 1 kept, 0 problems$/m)
    await eventually('the end of what was left', 30_000, async () => (await labelled()).length === 0)
    const secrets = await get<Named>(['secrets', '-n', namespace.name])
    expect(secrets.map(({ metadata }) => metadata.name).sort()).toEqual(['of-others', 'of-the-living'])
    expect(await registry.content()).not.toEqual([])
  })

  it('removes an old image that belongs to no runner pod, and finds nothing when it is done again', async () => {
    const run = await gc('--image-age', '0')
    expect(run.exitCode, run.stdout).toBe(0)
    expect(run.stdout).toMatch(/^1 removed, 0 kept, 0 problems$/m)
    expect(await registry.content()).toEqual([])
    expect((await gc('--image-age', '0')).stdout).toMatch(/^0 removed, 0 kept, 0 problems$/m)
  })

  it('is done by the CronJob of deploy/gc, with a Role that may list and delete, and no more', async () => {
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'left', namespace: namespace.name, labels: { 'runner-pod': 'gone', [LABEL]: 'slipway' } }
    })
    await collectByCronJob(namespace.name, registry.environment)
    await kubectl(['wait', 'job/gc-now', '-n', namespace.name, '--for=condition=Complete', '--timeout=90s'])
    const { stdout } = await kubectl(['logs', 'job/gc-now', '-n', namespace.name])
    expect(stdout).toMatch(/^1 removed, 0 kept, 0 problems$/m)
    expect(stdout).not.toContain('were not looked at')
  })

  it('says what it may not do and goes on with the rest', async () => {
    const run = await gc('--namespace', 'default', '--namespace', namespace.name)
    expect(run.exitCode, run.stdout).toBe(1)
    expect(run.stdout).toMatch(/^namespace default: the runner's service account may not list pods/m)
    expect(run.stdout).toContain('images were not looked at')
  })
})
