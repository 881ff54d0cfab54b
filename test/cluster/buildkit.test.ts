/** Dockerfile actions built by the daemon of deploy/buildkit, with the certificates it asks for, and what Kaniko cannot build. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { type BuildkitDaemon, buildkitEnvironment, startBuildkitDaemon } from './support/buildkit.ts'
import type { Changes } from './support/cli.ts'
import { root } from './support/documentation.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { type RunnerPod, STORAGE_MODES, type Tree } from './support/runner-pod.ts'
import { createSecuredRegistry, PASSWORD, registrySettings, type SecuredRegistry } from './support/secured-registry.ts'

/** Kaniko's image pushes. */
const canPush = await canBuild()

describe.skipIf(!canPush)('BuildKit', () => {
  let registry: SecuredRegistry
  let daemon: BuildkitDaemon
  beforeAll(async () => {
    registry = await createSecuredRegistry()
    daemon = await startBuildkitDaemon(registry.plainHost)
  })
  afterAll(async () => {
    await daemon?.remove()
    await registry?.remove()
  })

  async function run(runner: RunnerPod, tree: Tree, args: string[] = [], env: Changes = {}) {
    const directory = await installAction(runner, 'built-elsewhere', tree)
    const action = { dockerfile: `${directory}/Dockerfile`, args }
    return await runContainerStep(runner, action, { env: { ...buildkitEnvironment(daemon), ...env } })
  }

  it('is privileged in the variant for nodes without user namespaces, and only there', async () => {
    const rendered = async (name: string) =>
      (await kubectl(['kustomize', fileURLToPath(new URL(`deploy/${name}`, root))])).stdout
    expect(await rendered('buildkit')).toMatch(/hostUsers: false/)
    expect(await rendered('buildkit')).not.toMatch(/privileged: true/)
    expect(await rendered('buildkit-privileged')).toMatch(/privileged: true/)
    expect(await rendered('buildkit-privileged')).not.toMatch(/hostUsers|SYS_ADMIN/)
  })

  describe.each(STORAGE_MODES)('storage mode %s', (mode) => {
    const runner = useRunnerPod(mode)
    beforeAll(async () => await daemon.admit(runner().namespace))

    it('builds stages, cache mounts and mounts of other stages, without what .dockerignore excludes', async () => {
      const stages = [
        dockerfile(
          `${IMAGES.busyboxBase} AS tools`,
          'RUN mkdir /out && cp /bin/busybox /out/echo && echo made > /out/data'
        ),
        dockerfile(
          `${IMAGES.busyboxBase} AS joined`,
          'COPY . /context',
          'RUN --mount=type=bind,from=tools,source=/out,target=/tools --mount=type=cache,target=/cache \\\n' +
            '  touch /cache/seen && cat /tools/data && test ! -e /context/left.txt && cp /context/kept.txt /joined'
        ),
        dockerfile(
          'scratch',
          'COPY --from=tools /out/echo /echo',
          'COPY --from=joined /joined /joined',
          'ENTRYPOINT ["/echo", "built elsewhere:"]'
        )
      ]
      const tree = {
        Dockerfile: stages.join(''),
        '.dockerignore': 'left.txt\n',
        'kept.txt': 'kept',
        'left.txt': 'left'
      }
      const step = await run(runner(), tree, ['two words', '$HOME'])
      expect(step.exitCode, step.stdout).toBe(0)
      expect(step.lines.map(({ text }) => text)).toContain('built elsewhere: two words $HOME')
      expect(errorsOf(step)).toEqual([])
    })

    it('makes of the same files an image for each build, which no other step removes', async () => {
      const tree = { Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "the same"', 'ENTRYPOINT ["true"]') }
      const steps = await Promise.all([run(runner(), tree), run(runner(), tree), run(runner(), tree)])
      for (const step of steps) expect(step.exitCode, step.stdout).toBe(0)
      const digests = steps.map(({ stdout }) => /image \S+@(sha256:[0-9a-f]{64})/.exec(stdout)?.[1])
      expect(digests).not.toContain(undefined)
      expect(new Set(digests).size).toBe(steps.length)
    })

    it('builds a failing RUN once, shows its output, and one error says what failed', async () => {
      const step = await run(runner(), {
        Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "reason $((40 + 2))" && exit 3', 'ENTRYPOINT ["true"]')
      })
      expect(step.exitCode).not.toBe(0)
      // BuildKit itself repeats the output of a step that failed, without the number of the step.
      expect(step.lines.filter(({ text }) => /^#\d+ [\d.]+ reason 42$/.test(text))).toHaveLength(1)
      expect(errorsOf(step)).toHaveLength(1)
      expect(errorsOf(step)[0]).toContain('RUN echo')
      expect(errorsOf(step)[0]).toMatch(/exit code 3\b/)
    })
  })

  describe('with a registry with TLS and a password', () => {
    const runner = useRunnerPod('copy')
    beforeAll(async () => await daemon.admit(runner().namespace))

    it('starts from an image there with the Secret for base images, and one error names it where it is missing', async () => {
      const secrets = await registry.giveSecrets(runner().namespace)
      const settings = registrySettings(registry, secrets, { RETENTION: 'keep' })
      const first = dockerfile(IMAGES.busyboxBase, 'RUN echo "from a base" > /base', 'ENTRYPOINT ["/bin/cat", "/base"]')
      const pushed = await run(runner(), { Dockerfile: first }, [], settings)
      expect(pushed.exitCode, pushed.stdout).toBe(0)
      const [tag] = await registry.tags('ci/images')

      const tree = { Dockerfile: dockerfile(`${registry.plainHost}/ci/images:${tag}`, 'RUN test -s /base') }
      const denied = await run(runner(), tree, [], settings)
      expect(denied.exitCode).toBe(1)
      expect(errorsOf(denied)).toEqual([expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET')])

      const withBase = { ...settings, ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET: secrets.base }
      const allowed = await run(runner(), tree, [], withBase)
      expect(allowed.exitCode, allowed.stdout).toBe(0)
      expect(allowed.lines.map(({ text }) => text)).toContain('from a base')
      expect(allowed.stdout).not.toContain(PASSWORD)
    })
  })

  describe('that cannot be asked', () => {
    const runner = useRunnerPod('copy')
    const tree = { Dockerfile: dockerfile('scratch', 'COPY Dockerfile /') }

    it('because its certificates are not there, is one error that names the Secret', async () => {
      const step = await run(runner(), tree)
      expect(step.exitCode).not.toBe(0)
      expect(errorsOf(step)).toHaveLength(1)
      expect(errorsOf(step)[0]).toMatch(/Secret buildkit-client .*BUILDKIT_TLS_SECRET/)
    })

    it('because it wants certificates, is one error that names the setting', async () => {
      const step = await run(runner(), tree, [], { ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET: '' })
      expect(step.exitCode).not.toBe(0)
      expect(errorsOf(step)).toHaveLength(1)
      expect(errorsOf(step)[0]).toContain('ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_TLS_SECRET')
    })
  })
})
