/** A registry with TLS and a password: pushed to and pulled from with Secrets of the namespace, and nobody else sees them. */
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { cli, installCli } from './support/cli.ts'
import { useRunnerPod } from './support/harness.ts'
import {
  type HookOptions,
  REGISTRY_ENVIRONMENT,
  runCleanupJob,
  runContainerStep,
  startContainerStep
} from './support/hook.ts'
import { canBuild, canBuildInPlace, IMAGES } from './support/images.ts'
import { eventually, get, kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { createRunnerPod, type RunnerPod } from './support/runner-pod.ts'
import {
  createSecuredRegistry,
  type GivenSecrets,
  PASSWORD,
  registrySettings,
  type SecuredRegistry,
  type SecuredRegistryOptions
} from './support/secured-registry.ts'
import { canTrustOnNodes } from './support/secured-registry-names.ts'

/** In the words of containerd 1, and of containerd 2. */
const REFUSED = /\b401\b|authorization failed/
const isRefused = ({ status }: V1Pod): boolean =>
  status?.containerStatuses?.some(({ state }) => REFUSED.test(state?.waiting?.message ?? '')) ?? false

const said = ({ lines }: Finished): string => lines.map(({ text }) => text).join('\n')
const AUTH = Buffer.from(`slipway:${PASSWORD}`).toString('base64')

const hasBuilder = await canBuild()
const canInPlace = await canBuildInPlace()
/** The registry is where images in FROM are, and nothing else. */
const withoutRegistry = Object.fromEntries(Object.keys(REGISTRY_ENVIRONMENT).map((name) => [name, undefined]))

const KINDS: readonly [string, SecuredRegistryOptions][] = [
  ['a password', {}],
  ['tokens that a password brings', { authentication: 'token' }],
  ['a password, and one name for pods and nodes', { naming: 'one name' }]
]
const canTry = ({ naming }: SecuredRegistryOptions) => hasBuilder && (naming !== 'one name' || canTrustOnNodes())

for (const [what, options] of KINDS) {
  describe.skipIf(!canTry(options))(`a registry with TLS and ${what}`, () => suite(options))
}

function suite(options: SecuredRegistryOptions): void {
  const runner = useRunnerPod('copy')
  let registry: SecuredRegistry
  let secrets: GivenSecrets

  beforeAll(async () => {
    registry = await createSecuredRegistry(options)
    secrets = await registry.giveSecrets(runner().namespace)
  })
  afterEach(async () => expect(await registry.content()).toEqual([]))
  afterAll(() => registry?.remove())

  const withRegistry = (changes: Readonly<Record<string, string | undefined>> = {}): HookOptions => ({
    env: registrySettings(registry, secrets, changes)
  })
  /** An action whose RUN looks for credentials. */
  const install = async (name: string, pod: RunnerPod = runner()) => {
    const directory = await installAction(pod, name, {
      Dockerfile: dockerfile(
        'scratch',
        'ENV PATH=/bin',
        'COPY busybox /bin/busybox',
        'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
        'COPY look.sh /look.sh',
        'RUN /look.sh',
        'ENTRYPOINT ["/bin/echo", "it ran"]'
      ),
      'look.sh': program('env', 'cat /kaniko/.docker/* || true', 'ls -R /kaniko/slipway', 'echo "looked $((6 * 7))"'),
      'busybox.base64': await registry.busybox()
    })
    const decode = 'cd $0 && base64 -d busybox.base64 > busybox && chmod 755 busybox && rm busybox.base64'
    const { exitCode, stderr } = await pod.exec(['sh', '-c', decode, directory])
    if (exitCode !== 0) throw new Error(`busybox could not be put into the action: ${stderr}`)
    return directory
  }

  it('takes a push, gives the image to the node, and has nothing left afterwards', async () => {
    const step = await runContainerStep(
      runner(),
      { dockerfile: `${await install('secured')}/Dockerfile` },
      withRegistry()
    )
    expect(step.exitCode, step.stdout).toBe(0)
    const lines = said(step).split('\n')
    expect(lines).toContain('it ran')
    expect(lines).toContain('looked 42')
    expect(said(step)).toMatch(new RegExp(`image ${registry.pullHost}/ci/images/[0-9a-f]{24}@sha256:`))
    expect(said(step)).not.toContain(PASSWORD)
    expect(said(step)).not.toContain(AUTH)
    expect(said(step)).not.toContain('::add-mask::')
    expect(errorsOf(step)).toEqual([])
  })

  it.each<[string, Readonly<Record<string, string | undefined>>, RegExp]>([
    ['a wrong password', { PUSH_SECRET: 'given-wrong' }, /refuses the user name or the password of Secret given-wrong/],
    ['no password', { PUSH_SECRET: undefined }, /_REGISTRY_PUSH_SECRET/],
    ['a Secret that is not there', { PUSH_SECRET: 'given-nothing' }, /Secret given-nothing,.* is not in namespace/],
    ['an authority that is not told', { CA_SECRET: undefined, PLAIN_HTTP: 'false' }, /_REGISTRY_CA_SECRET/]
  ])('is not built for with %s: one line says what to correct', async (_title, settings, expected) => {
    const path = `${await install('refused')}/Dockerfile`
    const step = await runContainerStep(runner(), { dockerfile: path }, withRegistry(settings))
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([expect.stringMatching(expected)])
    expect(said(step)).not.toContain('looked 42')
    expect(said(step)).not.toContain(PASSWORD)
  })

  it('keeps an image when that is asked for: another job builds nothing, and a Dockerfile may start from it', async () => {
    const other = await createRunnerPod(runner().namespace, 'copy')
    const keep = withRegistry({ RETENTION: 'keep' })
    try {
      const first = await runContainerStep(runner(), { dockerfile: `${await install('kept')}/Dockerfile` }, keep)
      expect(first.exitCode, first.stdout).toBe(0)
      const tags = await registry.tags('ci/images')
      expect(tags).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/)])

      const second = await runContainerStep(other, { dockerfile: `${await install('kept', other)}/Dockerfile` }, keep)
      expect(second.exitCode, second.stdout).toBe(0)
      expect(said(second)).toMatch(/^Nothing to build: [\w.]+:\d+\/ci\/images@sha256:[0-9a-f]{64} has this content$/m)
      expect(said(second)).not.toContain('looked 42')
      expect(said(second)).toMatch(/^it ran$/m)
      expect(await runCleanupJob(other, keep)).toMatchObject({ exitCode: 0 })
      expect(await registry.tags('ci/images')).toEqual(tags)

      const base = `${registry.pushHost}/ci/images:${tags[0]}`
      const based = `${await installAction(other, 'based', { Dockerfile: dockerfile(base, 'RUN cat /kaniko/.docker/config.json') })}/Dockerfile`
      const denied = await runContainerStep(other, { dockerfile: based }, withRegistry())
      expect(errorsOf(denied)).toEqual([expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET')])
      const { env } = withRegistry()
      const allowed = await runContainerStep(
        other,
        { dockerfile: based },
        { env: { ...env, ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET: secrets.base } }
      )
      expect(allowed.exitCode, allowed.stdout).toBe(0)
      // Every RUN can read them; nobody finds them in the log.
      expect(said(allowed)).toContain('"auths"')
      expect(said(allowed)).toContain('***')
      expect(said(allowed)).not.toContain(PASSWORD)
      expect(said(allowed)).not.toContain(AUTH)
    } finally {
      await other.remove()
      await registry.empty()
    }
  })

  it.skipIf(!canInPlace || options.authentication === 'token')(
    'opens a base image for a build in place, and the action finds nothing of that',
    async () => {
      try {
        const keep = withRegistry({ RETENTION: 'keep' })
        const kept = await runContainerStep(runner(), { dockerfile: `${await install('base')}/Dockerfile` }, keep)
        expect(kept.exitCode, kept.stdout).toBe(0)
        const [tag] = await registry.tags('ci/images')
        const directory = await installAction(runner(), 'in-place', {
          Dockerfile: dockerfile(
            `${registry.plainAddress}/ci/images:${tag}`,
            'RUN cat /kaniko/slipway/login/config.json; echo',
            'ENTRYPOINT ["/bin/sh", "-c", "ls -A /kaniko/slipway/login; cat /kaniko/slipway/login/*; env; cat /proc/mounts; echo end of action"]'
          )
        })
        const inPlace = {
          ...withoutRegistry,
          ACTIONS_RUNNER_CONTAINER_HOOKS_IN_PLACE_IMAGE: IMAGES.kanikoDebug
        }
        const action = { dockerfile: `${directory}/Dockerfile` }
        const denied = await runContainerStep(runner(), action, { env: inPlace })
        expect(errorsOf(denied)).toEqual([expect.stringContaining('ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET')])

        const env = { ...inPlace, ACTIONS_RUNNER_CONTAINER_HOOKS_BASE_IMAGE_SECRET: secrets.base }
        const step = await runContainerStep(runner(), action, { env })
        expect(step.exitCode, step.stdout).toBe(0)
        const [build = '', run = ''] = said(step).split(/^Run: .*$/m)
        // Every RUN can read them, as with a registry; nobody finds them in the log.
        expect(build).toContain('"auths"')
        expect(build).toContain('***')
        expect(said(step)).not.toContain(PASSWORD)
        expect(said(step)).not.toContain(AUTH)
        expect(run).toContain('end of action')
        for (const trace of ['auths', 'config.json', 'DOCKER_CONFIG', '***']) expect(run).not.toContain(trace)
      } finally {
        await registry.empty()
      }
    }
  )

  it('waits for a node that was refused because it did not have the Secret yet', async () => {
    const path = `${await install('late')}/Dockerfile`
    const step = await startContainerStep(runner(), { dockerfile: path }, withRegistry())
    await step.line(/^looked 42$/)
    await kubectl(['delete', 'secret', '-n', runner().namespace, secrets.pull])
    await eventually('a refused pull', 30_000, async () =>
      (await get<V1Pod>(['pods', '-n', runner().namespace])).some(isRefused)
    )
    await registry.giveSecrets(runner().namespace)
    const { exitCode, stdout } = await step.finished
    expect(exitCode, stdout).toBe(0)
  })

  it('gives gc what a hook that was killed has left in it', async () => {
    const other = await createRunnerPod(runner().namespace, 'copy')
    try {
      const path = `${await install('killed', other)}/Dockerfile`
      const step = await startContainerStep(other, { dockerfile: path }, withRegistry())
      await step.line(/^Pull: /)
      await step.signal('KILL')
      await step.finished
    } finally {
      await other.remove()
    }
    await eventually(`the end of ${other.name}`, 30_000, async () => {
      const pods = await get<V1Pod>(['pods', '-n', other.namespace])
      return !pods.some(({ metadata }) => metadata?.name === other.name)
    })
    expect(await registry.content()).not.toEqual([])
    await installCli(runner())
    const { exitCode, stdout } = await runner().exec(cli(withRegistry().env ?? {}, 'gc', '--image-age', '0'))
    expect(exitCode, stdout).toBe(0)
    expect(stdout).toMatch(/^image .*\/ci\/images\/[0-9a-f]{24}:[0-9a-f]+\b.*removed/m)
  })

  it('refuses a node with a wrong password, and the error names the Secret', async () => {
    const path = `${await install('not-pulled')}/Dockerfile`
    const step = await runContainerStep(runner(), { dockerfile: path }, withRegistry({ PULL_SECRET: secrets.wrong }))
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([expect.stringContaining(`those of Secret ${secrets.wrong}`)])
  })
}
