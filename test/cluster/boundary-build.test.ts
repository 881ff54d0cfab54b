/** What a Dockerfile, another job and a workflow try against the images of a job and the credentials of its registry. */
import { readFile } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookOptions, runCleanupJob, runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuild, IMAGES, REGISTRY_HOST, REGISTRY_PORT } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { eventually, get } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { createRunnerPod, NODE, type RunnerPod, STORAGE_MODES } from './support/runner-pod.ts'
import {
  createSecuredRegistry,
  type GivenSecrets,
  PASSWORD,
  registrySettings,
  type SecuredRegistry
} from './support/secured-registry.ts'
import { createStandIn } from './support/stand-in.ts'

/** Nothing answers there: it is for documentation (RFC 5737). */
const NOWHERE = '192.0.2.1'
/** Where Kaniko writes what it has built. */
const LAYOUT = '/kaniko/slipway/layout'
/** A push that looks for its registry in the wrong place takes minutes to give up. */
const SOON_MS = 90_000

const hasBuilder = await canBuild()

/** An image with a shell, where nobody has pushed a base image; `busybox` is in the context. */
const fromScratch = (...lines: readonly string[]): string =>
  dockerfile(
    'scratch',
    'ENV PATH=/bin',
    'COPY busybox /bin/busybox',
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
    ...lines
  )

/** Where a `RUN` leaves something that works on until the builder itself has ended. */
const lasting = (words: string): string => `RUN (setsid sh -c '${words}' > /dev/null 2>&1 &); sleep 1`

/** `handle@digest` of the image that a step ran. */
function imageOf({ stdout }: Finished): { readonly repository: string; readonly digest: string } {
  const [, repository = '', digest = ''] = /image [^/\s]+\/(\S+)@(sha256:[0-9a-f]{64})/.exec(stdout) ?? []
  return { repository, digest }
}

describe.skipIf(!hasBuilder).each(STORAGE_MODES)('a registry with a password, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  let registry: SecuredRegistry
  let secrets: GivenSecrets

  beforeAll(async () => {
    registry = await createSecuredRegistry()
    secrets = await registry.giveSecrets(runner().namespace)
  })
  afterAll(() => registry?.remove())

  const withRegistry = (changes: Readonly<Record<string, string | undefined>> = {}): HookOptions => ({
    env: registrySettings(registry, secrets, changes)
  })

  const install = async (pod: RunnerPod, name: string, files: Readonly<Record<string, string>>): Promise<string> => {
    const directory = await installAction(pod, name, { ...files, 'busybox.base64': await registry.busybox() })
    const decode = 'cd $0 && base64 -d busybox.base64 > busybox && chmod 755 busybox && rm busybox.base64'
    const { exitCode, stderr } = await pod.exec(['sh', '-c', decode, directory])
    if (exitCode !== 0) throw new Error(`busybox could not be put into the action: ${stderr}`)
    return directory
  }

  /** A Dockerfile that leads every name to somebody else, and what became of its push. */
  async function redirect(pod: RunnerPod): Promise<void> {
    const [host = '', port = ''] = registry.plainHost.split(':')
    const standIn = await createStandIn(pod.namespace, Number(port), PASSWORD)
    const directory = await install(pod, 'redirect', {
      Dockerfile: fromScratch(
        `RUN echo "nameserver ${standIn.address}" > /etc/resolv.conf`,
        `RUN nslookup anything.example | grep -q ${standIn.address} && echo "led away $((40 + 2))"`,
        `RUN echo "${standIn.address} ${host}" >> /etc/hosts`,
        `RUN echo "${host}" > /etc/hostname`,
        // Whoever starts later finds the same, if anybody does.
        lasting(`while :; do echo "nameserver ${standIn.address}" 1<> /etc/resolv.conf; done`),
        'ENTRYPOINT ["echo", "it ran"]'
      )
    })
    const plain = withRegistry({ PORT: port, CA_SECRET: undefined, PLAIN_HTTP: 'true', PUSH_SECRET: secrets.base })
    const step = await runContainerStep(pod, { dockerfile: `${directory}/Dockerfile` }, plain)
    expect(step.stdout, 'the attack is one').toMatch(/^led away 42$/m)
    expect(await standIn.sent()).toEqual([])
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.stdout).toMatch(/^it ran$/m)
    expect(await registry.content()).toEqual([])
  }

  it('gets the push and its password, whatever a RUN writes into the files that a pod shares', () => redirect(runner()))

  it('gets them, too, where the runner pod resolves names in a way of its own', async () => {
    const dnsConfig = { options: [{ name: 'ndots', value: '4' }] }
    const other = await createRunnerPod(runner().namespace, mode, (pod) => ({
      ...pod,
      spec: { containers: [], ...pod.spec, dnsConfig }
    }))
    try {
      await redirect(other)
    } finally {
      await other.remove()
    }
  })

  it('keeps what was hashed, whatever a container writes into the context before it is built', async () => {
    const directory = await install(runner(), 'swapped', {
      // As long as a base image may take.
      Dockerfile: fromScratch(
        'RUN echo "busy $((40 + 2))" && sleep 10',
        'COPY given /given',
        'ENTRYPOINT ["cat", "/given"]'
      ),
      given: 'what was hashed\n'
    })
    const action = { dockerfile: `${directory}/Dockerfile` }
    const keep = withRegistry({ RETENTION: 'keep' })
    try {
      const step = await startContainerStep(runner(), action, keep)
      await step.line(/^busy 42$/)
      await runner().write(directory, { given: 'something else\n' })
      const first = await step.finished
      expect(first.exitCode, first.stdout).toBe(0)
      expect(first.stdout).toMatch(/^what was hashed$/m)
      // Who has the real content finds the image that was made meanwhile.
      await runner().write(directory, { given: 'what was hashed\n' })
      const second = await runContainerStep(runner(), action, keep)
      expect(second.stdout).toMatch(/^Nothing to build: /m)
      expect(second.stdout).toMatch(/^what was hashed$/m)
    } finally {
      await registry.empty()
    }
  })

  it('gives no image to a workflow that only names one', async () => {
    const directory = await install(runner(), 'private', {
      Dockerfile: fromScratch(`RUN echo ${mode} > /private`, 'ENTRYPOINT ["cat", "/private"]')
    })
    const keep = withRegistry({ RETENTION: 'keep' })
    try {
      const built = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, keep)
      expect(built.exitCode, built.stdout).toBe(0)
      const { repository } = imageOf(built)
      const [tag] = await registry.tags(repository)
      const image = `${registry.pullHost}/${repository}:${tag}`
      const step = await startContainerStep(runner(), { image }, keep)
      let secretsSeen: unknown
      await eventually('a step pod', SOON_MS, async () => {
        const pods = await get<V1Pod>(['pods', '-n', runner().namespace])
        const pod = pods.find(({ metadata }) => metadata?.name?.includes('-step-'))
        secretsSeen = pod?.spec?.imagePullSecrets ?? []
        return pod !== undefined
      })
      const { exitCode, stdout } = await step.finished
      expect([exitCode, errorsOf(await step.finished).length], stdout).toEqual([1, 1])
      expect(secretsSeen).toEqual([])
    } finally {
      await registry.empty()
    }
  })
})

describe.skipIf(!hasBuilder).each(STORAGE_MODES)('a registry that everybody may push to, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('gets the push of an image that brings its own resolv.conf, without delay', async () => {
    const directory = await installAction(runner(), 'resolver', {
      Dockerfile: dockerfile(
        IMAGES.busyboxBase,
        'COPY resolv.conf /etc/resolv.conf',
        'COPY resolv.conf /etc/hosts',
        'ENTRYPOINT ["echo", "it ran"]'
      ),
      'resolv.conf': `nameserver ${NOWHERE}\n`
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.durationMs).toBeLessThan(SOON_MS)
  })

  /** Runs `work` in a job with a job pod, where images outlive their step. */
  async function inJob(work: () => Promise<void>): Promise<void> {
    const prepared = await prepareJob(runner(), { container: { image: IMAGES.busybox } })
    try {
      expect(prepared.exitCode, prepared.stdout).toBe(0)
      await work()
    } finally {
      await runCleanupJob(runner())
    }
  }

  const saying = async (name: string, words: string, ...lines: readonly string[]) => {
    const text = dockerfile(IMAGES.busyboxBase, ...lines, `ENTRYPOINT ["echo", "${words}"]`)
    return { dockerfile: `${await installAction(runner(), name, { Dockerfile: text })}/Dockerfile` }
  }

  it('may have another image under the tag: what a job runs again is what it has built', () =>
    inJob(async () => {
      const action = await saying('ours', 'ours ran')
      const first = await runContainerStep(runner(), action)
      expect(first.stdout).toMatch(/^ours ran$/m)
      const { repository, digest } = imageOf(first)
      expect(await replaceTags(runner(), repository, 'a stranger ran')).toBe('replaced 1')

      const again = await runContainerStep(runner(), action)
      expect(again.exitCode, again.stdout).toBe(0)
      expect(again.stdout).toMatch(/^ours ran$/m)
      expect(again.stdout).not.toContain('a stranger ran')
      expect(imageOf(again)).toEqual({ repository, digest })
      expect(again.stdout).toMatch(/^Nothing to build: /m)
    }))

  it('may have lost the image: it is built again, and remembered again', () =>
    inJob(async () => {
      const action = await saying('lost', 'ours ran')
      const first = imageOf(await runContainerStep(runner(), action))
      await forget(runner(), first)
      const second = await runContainerStep(runner(), action)
      expect(second.stdout).toMatch(/Build Dockerfile with kaniko/)
      expect(second.stdout).toMatch(/^ours ran$/m)
      const third = await runContainerStep(runner(), action)
      expect(third.stdout).toMatch(/^Nothing to build: /m)
      expect(imageOf(third)).toEqual(imageOf(second))
    }))

  it('runs no other image for a Dockerfile that reports the digest of one', () =>
    inJob(async () => {
      const other = imageOf(await runContainerStep(runner(), await saying('other', 'the other ran')))
      // Kaniko writes its digest, then its layout, where somebody lets it wait.
      const lie = [
        'until grep -q sha256 /dev/termination-log; do sleep 0.1; done',
        `printf %s ${other.digest} > /dev/termination-log`,
        `cat ${LAYOUT}/oci-layout`
      ].join('; ')
      const liar = await saying('liar', 'the liar ran', `RUN mkfifo ${LAYOUT}/oci-layout`, lasting(lie))
      const step = await runContainerStep(runner(), liar)
      expect(step.stdout).not.toMatch(/^the other ran$/m)
      expect(step.exitCode, step.stdout).toBe(1)
      expect(errorsOf(step)).toEqual([expect.stringMatching(/says that it made sha256:\w+, but sha256:\w+ was pushed/)])
      expect(errorsOf(step)[0]).toContain(other.digest)
    }))
})

const HOST = `${REGISTRY_HOST}:${REGISTRY_PORT}`

/** What another job could do: no account of the cluster is needed for it. */
async function replaceTags(pod: RunnerPod, repository: string, words: string): Promise<string> {
  const program = await readFile(new URL('./support/stranger.cjs', import.meta.url), 'utf8')
  const { stdout, stderr } = await pod.exec([NODE, '-e', program, '--', HOST, repository, 'base/busybox', words])
  return `${stdout}${stderr}`.trim()
}

async function forget(pod: RunnerPod, { repository, digest }: { repository: string; digest: string }): Promise<void> {
  const url = `http://${HOST}/v2/${repository}/manifests/${digest}`
  const program = `fetch('${url}', { method: 'DELETE' }).then(({ status }) => console.log(status))`
  expect((await pod.exec([NODE, '-e', program])).stdout.trim()).toBe('202')
}
