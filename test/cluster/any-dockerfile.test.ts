/**
 * Goal: what an author wrote for docker is what is built. Method: one action whose Dockerfile has all that is given to Kaniko in other
 * words, built by BuildKit as well, and one that no words help.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { type BuildkitDaemon, buildkitEnvironment, startBuildkitDaemon } from './support/buildkit.ts'
import type { Changes } from './support/cli.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES, REGISTRY_HOST, REGISTRY_PORT } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { type RunnerPod, STORAGE_MODES } from './support/runner-pod.ts'
import { createSecuredRegistry, type SecuredRegistry } from './support/secured-registry.ts'

const LINES = [
  'cmd ["forgotten"]',
  'VOLUME /data',
  'FROM first',
  "RUN <<'EOF'",
  'x=hello',
  'echo "1 $x" > /seen',
  'cat <<-X >> /seen',
  '\t2 inner',
  '\tX',
  'EOF',
  'RUN <<SCRIPT',
  '#!/bin/sh',
  'echo "3 $0" >> /seen',
  'SCRIPT',
  'SHELL ["/bin/sh", "-euc"]',
  'RUN <<-EOF',
  '\techo "4 ok" >> /seen',
  '\techo "5 ok" >> /seen',
  'EOF',
  'RUN mkdir -p /data && echo "6 kept" > /data/kept',
  'RUN mkdir /group && chgrp 7 /group && chmod 2755 /group && chroot / true',
  'EXPOSE 7000-7002',
  'COPY link /copied/',
  'COPY link /renamed',
  'COPY ../plain /plain',
  'COPY entry.sh /entry.sh',
  'entrypoint ["/entry.sh"]'
]

const PRINTED = [
  '1 hello',
  '2 inner',
  '3 /dev/pipes/SCRIPT',
  '4 ok',
  '5 ok',
  '6 kept',
  '7 plain',
  '7 plain',
  '7 plain',
  'no link',
  '0 arguments',
  '8 2755'
]

async function expectDockersImage(runner: RunnerPod, env: Changes = {}): Promise<void> {
  const directory = await installAction(runner, 'other-words', {
    Dockerfile: dockerfile(`${IMAGES.busyboxBase} AS first`, ...LINES),
    plain: '7 plain\n',
    'entry.sh': program(
      'cat /seen /data/kept /copied/link /renamed /plain',
      'test -L /copied/link || echo "no link"',
      'echo "$# arguments" && stat -c "8 %a" /group'
    )
  })
  await runner.exec(['ln', '-s', 'plain', `${directory}/link`])
  const step = await runContainerStep(runner, { dockerfile: `${directory}/Dockerfile` }, { env })
  expect(step.exitCode, step.stdout).toBe(0)
  expect(step.lines.map(({ text }) => text).filter((text) => /^\d |^no /.test(text))).toEqual(PRINTED)
  expect(errorsOf(step)).toEqual([])
}

const isThere = await canBuild()

describe.skipIf(!isThere)('with BuildKit beside Kaniko', () => {
  const runner = useRunnerPod('copy')
  let registry: SecuredRegistry
  let daemon: BuildkitDaemon
  let both: Changes
  beforeAll(async () => {
    registry = await createSecuredRegistry()
    daemon = await startBuildkitDaemon(registry.plainHost)
    await daemon.admit(runner().namespace)
    const images = `kaniko=${IMAGES.kaniko},buildkit=${IMAGES.buildkit}`
    const name = (setting: string) => `ACTIONS_RUNNER_CONTAINER_HOOKS_${setting}`
    both = { ...buildkitEnvironment(daemon), [name('BUILDER')]: 'auto', [name('BUILDER_IMAGE')]: images }
  })
  afterAll(async () => {
    await daemon?.remove()
    await registry?.remove()
  })

  it('is what BuildKit makes of the same Dockerfile', async () => {
    await expectDockersImage(runner(), buildkitEnvironment(daemon))
  })

  it('leaves to BuildKit what Kaniko does not build as docker does, and says why', async () => {
    const directory = await installAction(runner(), 'only-buildkit', {
      Dockerfile: dockerfile(
        IMAGES.busyboxBase,
        'HEALTHCHECK --start-interval=1s CMD true',
        'ENTRYPOINT ["echo", "1 built"]'
      )
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env: both })
    expect(step.exitCode, step.stdout).toBe(0)
    const printed = step.lines.map(({ text }) => text)
    expect(printed).toEqual(
      expect.arrayContaining([expect.stringContaining('kaniko does not build line 2'), '1 built'])
    )
  })

  it('leaves to Kaniko what it does build as docker does', async () => {
    const directory = await installAction(runner(), 'both', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'ENTRYPOINT ["echo", "1 built"]')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env: both })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('Build Dockerfile with kaniko')
  })
})

describe.skipIf(!isThere).each(STORAGE_MODES)('any Dockerfile, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('is built as docker builds it, in other words where Kaniko needs them', async () => {
    await expectDockersImage(runner())
  })

  it('makes a device node where the build has no user namespace, as no kernel lets it in one', async () => {
    const directory = await installAction(runner(), 'device', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN mknod /null c 1 3', 'ENTRYPOINT ["stat", "-c", "1 %F", "/null"]')
    })
    const name = 'ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_USER_NAMESPACE'
    const build = (env: Changes) => runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    const without = await build({ [name]: 'off' })
    expect(without.exitCode, without.stdout).toBe(0)
    expect(without.stdout).toContain('1 character special file')
    const within = await build({ [name]: 'on' })
    expect(errorsOf(within)).toEqual([expect.stringContaining("'RUN mknod /null c 1 3' failed with exit code 1")])
  })

  it('begins with what a mirror has, under the name that FROM says', async () => {
    const directory = await installAction(runner(), 'mirrored', {
      Dockerfile: dockerfile('not-there.example/busybox:1', 'ENTRYPOINT ["echo", "1 mirrored"]')
    })
    const mirror = `${REGISTRY_HOST}:${REGISTRY_PORT}/base`
    const env = { ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MIRRORS: `not-there.example=${mirror}` }
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toContain('1 mirrored')
  })

  it('fails where a body in a RUN fails', async () => {
    const directory = await installAction(runner(), 'failing-body', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, "RUN <<'EOF'", 'exit 7', 'EOF', 'ENTRYPOINT ["true"]')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringContaining("'RUN <<'EOF' (line 2)' failed with exit code 7")])
  })

  it('ends with the line and what to do, before anything is built, where no words help', async () => {
    const directory = await installAction(runner(), 'no-words', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'RUN true', 'RUN --network=none true')
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([expect.stringMatching(/line 3: kaniko does not build 'RUN --network=none'/)])
  })

  it('has nothing of what .dockerignore leaves out', async () => {
    const directory = await installAction(runner(), 'ignored', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY secret.txt /secret.txt', 'ENTRYPOINT ["cat", "/secret.txt"]'),
      '.dockerignore': 'secret.txt\n',
      'secret.txt': 'secret\n'
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toEqual([expect.stringContaining('secret.txt is not in the build context')])
  })
})
