/**
 * Dockerfile actions built by BuildKit inside of the build pod, in namespaces that enforce Baseline, with the profile that deploy/buildkit-in-pod
 * has put onto the nodes: what Kaniko refuses, what RUN may and may not, and what is said where it cannot start.
 */
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { type DeployedProfile, deployProfile, IN_POD_ENVIRONMENT } from './support/buildkit-in-pod.ts'
import { type Changes, installCli } from './support/cli.ts'
import { diagnose, expectFault } from './support/doctor.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { get, kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { processesOf } from './support/processes.ts'
import { isRunnerPod, mustExec, type RunnerPod, STORAGE_MODES, type Tree } from './support/runner-pod.ts'
import { createSecuredRegistry, PASSWORD, registrySettings, type SecuredRegistry } from './support/secured-registry.ts'

const BUILDER = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER'
const PROFILE = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDKIT_SECCOMP_PROFILE'
const ALONE = { [BUILDER]: 'buildkit-in-pod' }
const CHECK = 'BuildKit in the pod'
/** Of ids, in a user namespace that a kubelet makes. */
const FIRST_ID = 65_536

/** Kaniko refuses its mount of another stage. */
const REFUSED_BY_KANIKO = [
  dockerfile(`${IMAGES.busyboxBase} AS tools`, 'RUN mkdir /out && cp /bin/busybox /out/echo && echo made > /out/data'),
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
    'ENTRYPOINT ["/echo", "built in the pod:"]'
  )
].join('')

const REFUSED_TREE = {
  Dockerfile: REFUSED_BY_KANIKO,
  '.dockerignore': 'left.txt\n',
  'kept.txt': 'kept',
  'left.txt': 'left'
}

async function run(runner: RunnerPod, tree: Tree, args: string[] = [], env: Changes = {}) {
  const directory = await installAction(runner, 'built-in-pod', tree)
  const action = { dockerfile: `${directory}/Dockerfile`, args }
  return await runContainerStep(runner, action, { env: { ...IN_POD_ENVIRONMENT, ...env } })
}
const textOf = ({ lines }: Awaited<ReturnType<typeof run>>) => lines.map(({ text }) => text)

describe.skipIf(!(await canBuild()))('BuildKit in the build pod', () => {
  let profile: DeployedProfile
  let registry: SecuredRegistry
  beforeAll(async () => {
    profile = await deployProfile()
    registry = await createSecuredRegistry()
  })
  afterAll(async () => {
    await profile?.remove()
    await registry?.remove()
  })

  describe.each(STORAGE_MODES)('storage mode %s', (mode) => {
    const runner = useRunnerPod(mode)

    it('builds what Kaniko does not, without being named, and the action has its exit code', async () => {
      const step = await run(runner(), REFUSED_TREE, ['two words', '$HOME'])
      expect(step.exitCode, step.stdout).toBe(0)
      expect(textOf(step)).toContain('built in the pod: two words $HOME')
      expect(step.stdout).toContain('So buildkit-in-pod builds it')
      expect(errorsOf(step)).toEqual([])

      const ending = { Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN id', 'ENTRYPOINT ["sh", "-c", "exit 42"]') }
      expect((await run(runner(), ending, [], ALONE)).exitCode).toBe(42)
      // Kaniko builds what it can.
      expect((await run(runner(), ending)).stdout).not.toContain('buildkit-in-pod')
    })

    it('is pod of the same rights as any build: nobody on the node, without token, host path and privilege', async () => {
      const directory = await installAction(runner(), 'busy-build', {
        Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "root here: $(id -u)" && sleep 300')
      })
      const env = { ...IN_POD_ENVIRONMENT, ...ALONE }
      const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
      try {
        await step.line(/root here: 0$/)
        const pods = await get<V1Pod>(['pods', '-n', runner().namespace])
        const [pod] = pods.filter(({ metadata }) => !isRunnerPod(metadata?.name ?? ''))
        expect(pod?.spec?.automountServiceAccountToken).toBe(false)
        expect(JSON.stringify(pod?.spec)).not.toMatch(/hostPath|"privileged":true|SYS_ADMIN|projected/)
        const processes = await processesOf(pod?.metadata?.uid ?? '')
        expect(processes.map(({ name }) => name)).toContain('buildkitd')
        for (const { name, uids, rootIs } of processes) {
          expect(Math.min(...uids, rootIs), name).toBeGreaterThanOrEqual(FIRST_ID)
        }
      } finally {
        await step.signal('INT')
        await step.finished
      }
    })

    it('gives RUN what docker gives: sudo, other users, their files, ports below 1024, an end to what it leaves running', async () => {
      const step = await run(
        runner(),
        {
          Dockerfile: dockerfile(
            IMAGES.debianBase,
            'RUN useradd --create-home --uid 1234 somebody && cp /usr/bin/id /usr/local/bin/id-of-root && chmod 4755 /usr/local/bin/id-of-root',
            'COPY --chown=somebody:somebody kept /kept',
            'USER somebody',
            'RUN echo "$(id -u) $(/usr/local/bin/id-of-root -u) $$" > /tmp/ids',
            'USER root',
            'RUN chroot / true && mkdir /group && chgrp 7 /group && chmod 2755 /group',
            'RUN (sleep 1; while :; do date > /left-running; sleep 0.1; done) >/dev/null 2>&1 &',
            'RUN sleep 3',
            'ENTRYPOINT ["sh", "-c", "cat /tmp/ids; stat -c %U:%G /kept; stat -c %a /group; ls /left-running"]'
          ),
          kept: 'kept'
        },
        [],
        ALONE
      )
      expect(textOf(step)).toEqual(expect.arrayContaining(['1234 0 1', 'somebody:somebody', '2755']))
      expect(step.stdout).toMatch(/cannot access '\/left-running'/)
    })

    it('builds a failing RUN once, shows its output, and one error says what failed', async () => {
      const tree = { Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN echo "reason $((40 + 2))" && exit 3') }
      const step = await run(runner(), tree, [], ALONE)
      expect(step.exitCode).not.toBe(0)
      expect(textOf(step).filter((text) => /^#\d+ [\d.]+ reason 42$/.test(text))).toHaveLength(1)
      expect(errorsOf(step)).toEqual([expect.stringMatching(/RUN echo.*exit code 3\b/)])
    })
  })

  describe('with a registry with TLS and a password', () => {
    const runner = useRunnerPod('copy')

    it('starts from an image there, and no RUN finds a password, of pulling or of pushing', async () => {
      const secrets = await registry.giveSecrets(runner().namespace)
      const settings = registrySettings(registry, secrets, { RETENTION: 'keep' })
      const directory = await installAction(runner(), 'secured-base', {
        Dockerfile: dockerfile(
          'scratch',
          'COPY busybox /bin/busybox',
          'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
          'RUN echo "from a base" > /base',
          'ENTRYPOINT ["/bin/cat", "/base"]'
        ),
        'busybox.base64': await registry.busybox()
      })
      await mustExec(runner().exec, [
        ...['sh', '-c', 'cd $0 && base64 -d busybox.base64 > busybox && chmod 755 busybox && rm busybox.base64'],
        directory
      ])
      const env = { ...IN_POD_ENVIRONMENT, ...settings, ...ALONE }
      const pushed = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
      expect(pushed.exitCode, pushed.stdout).toBe(0)
      const [tag] = await registry.tags('ci/images')
      const search =
        'RUN cat /proc/[0-9]*/environ /proc/[0-9]*/root/kaniko/.docker/config.json /kaniko/.docker/config.json > /found 2>/dev/null; ' +
        'find / -xdev -name config.json >> /found; ! grep -e auths -e DOCKER_CONFIG -e config.json /found'
      const tree = { Dockerfile: dockerfile(`${registry.pushHost}/ci/images:${tag}`, search) }
      const withBase = { ...settings, ...ALONE, ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET: secrets.base }
      const allowed = await run(runner(), tree, [], withBase)
      expect(allowed.exitCode, allowed.stdout).toBe(0)
      expect(textOf(allowed)).toContain('from a base')
      expect(allowed.stdout).not.toContain(PASSWORD)
    })
  })

  describe('where it has less', () => {
    const runner = useRunnerPod('copy')
    beforeAll(async () => await installCli(runner()))
    const others = 'RUN cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" > /found; ! grep BUILDKIT /found'
    const tree = {
      Dockerfile: dockerfile(IMAGES.busyboxBase, others, 'RUN sleep 1000 &', 'ENTRYPOINT ["echo", "ran"]')
    }

    it('builds where Baseline is that of a Kubernetes which admits no unmasked /proc', async () => {
      const version = (value: string) =>
        kubectl([
          'label',
          'namespace',
          runner().namespace,
          `pod-security.kubernetes.io/enforce-version${value}`,
          '--overwrite'
        ])
      await version('=v1.34')
      const step = await run(runner(), tree, [], ALONE)
      await version('-')
      expect(step.exitCode, step.stdout).toBe(0)
      expect(textOf(step)).toContain('ran')
      expect(step.stdout).toContain('/proc is masked here')
    })

    it('says in one line, and at once, that a node does not have the profile; doctor says how to bring it there', async () => {
      const without = { ...IN_POD_ENVIRONMENT, ...ALONE, [PROFILE]: 'slipway/no-such-profile.json' }
      const step = await run(runner(), tree, [], without)
      expect(step.exitCode).not.toBe(0)
      expect(errorsOf(step)).toEqual([expect.stringMatching(/seccomp profile, which its node does not have/)])
      const fix = /kubectl apply -k deploy\/buildkit-in-pod/
      await expectFault(runner(), { ...without, [BUILDER]: 'auto' }, CHECK, /which its node does not have/, fix)
    })

    it('has a doctor that builds with it, and finds nothing wrong where nodes have the profile', async () => {
      const { checks } = await diagnose(runner(), IN_POD_ENVIRONMENT)
      expect(checks.find(({ name }) => name === CHECK)).toMatchObject({ status: 'pass' })
      expect(checks.filter(({ status }) => status === 'fail')).toEqual([])
    })
  })
})
