/** prepare_job on a real kubelet: what the shipped hook's own tests promise, and what its users miss. */
import { describe, expect, it } from 'vitest'
import { useRunnerPod } from './support/harness.ts'
import { runCleanupJob } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { inJob, type Job, jobPodOf, type PreparedJob, prepareJob, startPrepareJob } from './support/job.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { errorsOf, GIVEN_LABEL, objectsLeft } from './support/leftovers.ts'
import { HOME, type RunnerPod, STORAGE_MODES, WORK, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

/** The runner sends SIGTERM 7.5 s after SIGINT. */
const CANCEL_MS_MAX = 7_000
const TEMPLATE = `${HOME}/template.yaml`
/** A service that listens, without options. */
const REGISTRY = { image: IMAGES.registry }
const shell = (script: string) => ({ image: IMAGES.busybox, entryPoint: 'sh', entryPointArgs: ['-c', `"${script}"`] })

describe.each(STORAGE_MODES)('prepare_job in storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  /** Prepares a job, looks at it, and cleans up: the harness then expects nothing to be left. */
  async function withJob(job: Job, look: (prepared: PreparedJob, pod: RunnerPod) => Promise<void>, env = {}) {
    const prepared = await prepareJob(runner(), job, { env })
    try {
      expect(prepared.exitCode, prepared.stdout).toBe(0)
      await look(prepared, runner())
    } finally {
      expect((await runCleanupJob(runner())).exitCode).toBe(0)
    }
  }

  async function expectRefused(job: Job, message: RegExp, env = {}) {
    const prepared = await prepareJob(runner(), job, { env })
    expect(prepared.exitCode).not.toBe(0)
    expect(errorsOf(prepared)).toEqual([expect.stringMatching(message)])
    expect(prepared.response).toBeUndefined()
    expect(await objectsLeft(runner())).toEqual([])
    return prepared
  }

  it('answers with the job pod, the containers and their ports', async () => {
    const container = { image: IMAGES.debian }
    await withJob({ container, services: [{ ...REGISTRY, portMappings: ['5000/tcp'] }] }, async ({ response }, pod) => {
      expect(response).toEqual({
        state: { jobPod: `${pod.name}-workflow`, storage: mode },
        context: {
          container: { image: IMAGES.debian, ports: {} },
          services: [{ image: IMAGES.registry, ports: { '5000': '5000' } }]
        },
        isAlpine: false
      })
    })
  })

  it('makes a pod that belongs to the runner pod, with the containers in order', async () => {
    await withJob({ services: [shell('sleep 60'), shell('sleep 61')] }, async (_prepared, pod) => {
      const { metadata, spec } = await jobPodOf(pod)
      expect(metadata.labels['runner-pod']).toBe(pod.name)
      expect(metadata.ownerReferences.map(({ name }) => name)).toEqual([pod.name])
      expect(metadata.annotations?.['slipway/service-names']).toBe('busybox-0,busybox-1')
      const helpers = mode === 'copy' ? ['files'] : []
      expect(spec.containers.map(({ name }) => name)).toEqual(['job', 'busybox-0', 'busybox-1', ...helpers])
      for (const { env } of spec.containers.slice(0, 3)) {
        expect(env).toEqual(
          expect.arrayContaining([
            { name: 'CI', value: 'true' },
            { name: 'GITHUB_ACTIONS', value: 'true' }
          ])
        )
      }
    })
  })

  it('leaves CI to the workflow, and the command of a service to its image', async () => {
    const job = { container: { environmentVariables: { CI: 'false', EMPTY: '' } }, services: [REGISTRY] }
    await withJob(job, async (_prepared, pod) => {
      const { spec } = await jobPodOf(pod)
      expect(spec.containers[1]).not.toHaveProperty('command')
      expect(spec.containers[1]).not.toHaveProperty('args')
      const { stdout } = await inJob(pod, 'echo "$CI $GITHUB_ACTIONS $HOME [$EMPTY]"; env | grep ^EMPTY')
      expect(stdout).toBe('false true /github/home []\nEMPTY=')
    })
  })

  it("gives the job the runner's files, its node and a home, that it may write to", async () => {
    await runner().write(WORKSPACE, { 'file.txt': 'hello' })
    await runner().write(`${WORK}/_actions/owner/action/v1`, { 'action.yml': 'name: x' })
    await withJob({ container: { image: IMAGES.debian, createOptions: '--user 1234' } }, async (_prepared, pod) => {
      const { stdout, stderr } = await inJob(
        pod,
        [
          'pwd; id -u; cat file.txt; echo; cat /__w/_actions/owner/action/v1/action.yml; echo',
          'for directory in . /github/home /__w/_temp /__w/_tool; do touch $directory/written || exit 1; done',
          '/__e/node20/bin/node --version; touch /__e/x 2>/dev/null || echo read-only'
        ].join('\n')
      )
      expect(stdout.split('\n'), stderr).toEqual([
        ...['/__w/repo/repo', '1234', 'hello', 'name: x'],
        expect.stringMatching(/^v20\./),
        'read-only'
      ])
      const script = 'cat /github/workflow/event.json; echo a=1 >>"$GITHUB_OUTPUT"'
      const step = await runScript(pod, { run: script })
      expect(step.stdout).toBe('{"action":"opened"}')
      expect(step.exitCode).toBe(0)
      expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    })
    // Files that another user wrote can only be removed by root.
    await runner().exec(['sh', '-c', `rm -rf ${WORKSPACE}/written ${WORK}/_temp/_github_home/written`])
  })

  it('mounts volumes by path, by name, and new ones', async () => {
    await runner().write(`${WORKSPACE}/myvolume`, { 'file.txt': 'hello' })
    const shared = { sourceVolumePath: 'shared', targetVolumePath: '/shared' }
    const userMountVolumes = [
      { sourceVolumePath: `${WORKSPACE}/myvolume`, targetVolumePath: '/__w/myvolume', readOnly: true },
      { sourceVolumePath: `${WORKSPACE}/made`, targetVolumePath: '/made' },
      { sourceVolumePath: null, targetVolumePath: '/new' },
      shared
    ]
    const services = [{ ...shell('sleep 60'), userMountVolumes: [shared] }]
    await withJob({ container: { userMountVolumes }, services }, async (_prepared, pod) => {
      const { stdout } = await inJob(
        pod,
        'cat /__w/myvolume/file.txt; echo; touch /__w/myvolume/x 2>/dev/null || echo read-only; touch /made/x /new/x /shared/x && echo written'
      )
      expect(stdout).toBe('hello\nread-only\nwritten')
      expect((await inJob(pod, 'ls /shared', 'busybox')).stdout).toBe('x')
    })
    await runner().exec(['rm', '-rf', `${WORKSPACE}/made`, `${WORK}/myvolume`])
  })

  it('merges the template of the administrator, and leaves side-cars out of the answer', async () => {
    const template = `
metadata: {annotations: {annotated-by: extension}, labels: {labeled-by: extension}}
spec:
  restartPolicy: Never
  securityContext: {supplementalGroups: [7]}
  containers:
  - {name: $job, image: ignored, command: [sh], args: [-c, sleep 50], env: [{name: ENV1, value: value1}]}
  - name: $registry
    env: [{name: ENV2, value: value2}]
    resources: {requests: {memory: 1Mi}, limits: {memory: 1Gi}}
  - {name: side-car, image: ${IMAGES.busybox}, command: [sh], args: [-c, exit 0]}
`
    await runner().write(HOME, { 'template.yaml': template })
    const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: TEMPLATE }
    const look = async ({ response, stdout }: PreparedJob, pod: RunnerPod) => {
      const { metadata, spec } = await jobPodOf(pod)
      expect(metadata.annotations?.['annotated-by']).toBe('extension')
      expect(metadata.labels).toMatchObject({ 'labeled-by': 'extension', 'runner-pod': pod.name })
      expect(spec.containers.map(({ name }) => name).slice(0, 3)).toEqual(['job', 'registry', 'side-car'])
      expect(spec.containers[0]).toMatchObject({ image: IMAGES.busybox, command: ['sh'], args: ['-c', 'sleep 50'] })
      expect(spec.containers[1]?.env).toEqual(expect.arrayContaining([{ name: 'ENV2', value: 'value2' }]))
      expect(spec.containers[1]?.resources).toEqual({ requests: { memory: '1Mi' }, limits: { memory: '1Gi' } })
      expect(stdout).toMatch(/^::warning::.*the image of \$job is ignored/m)
      expect(response?.context.services).toHaveLength(1)
      // What the shipped hook loses with such a template.
      expect((await inJob(pod, 'ls /__e')).stdout).toContain('node20')
    }
    await withJob({ services: [REGISTRY] }, look, env)
  })

  it('finds services by name, and waits until they are healthy', async () => {
    const service = {
      ...shell('sleep 4; touch /tmp/healthy; sleep 60'),
      createOptions: '--health-cmd "test -e /tmp/healthy" --health-interval 1s --health-retries 20 --network-alias db'
    }
    await withJob({ services: [service] }, async ({ durationMs }, pod) => {
      expect(durationMs).toBeGreaterThan(4_000)
      const { stdout } = await inJob(pod, 'cat /etc/hosts')
      expect(stdout).toMatch(/^127\.0\.0\.1\s+busybox\s+db$/m)
    })
  })

  it.each([
    [
      'ends',
      // Without a health check it would be up for as long as it runs, and whether anybody looks then is chance.
      { ...shell('echo no password given; exit 3'), createOptions: '--health-cmd false' },
      /the service busybox ended with exit code 3/,
      /no password given/
    ],
    [
      'stays unhealthy',
      {
        ...shell('echo still migrating; sleep 60'),
        createOptions: '--health-cmd false --health-interval 1s --health-timeout 1s --health-retries 2'
      },
      /the service busybox is unhealthy/,
      /still migrating/
    ]
  ])('names a service that %s, with its last lines', async (_title, service, message, lines) => {
    expect((await expectRefused({ services: [service] }, message)).stdout).toMatch(lines)
  })

  it.each<[string, Job, RegExp]>([
    ['no job container', { container: null, services: [REGISTRY] }, /a job container is required/],
    [
      'an absent image',
      { container: { image: 'localhost:30500/base/absent:1' } },
      /the job container: cannot pull image.*absent/
    ],
    [
      'an absent image of a service',
      { services: [{ image: 'localhost:30500/base/absent:1' }] },
      /the service absent: cannot pull/
    ],
    ['an invalid port', { services: [{ ...REGISTRY, portMappings: ['1:2:3'] }] }, /the port '1:2:3'/],
    ['a bad option', { container: { createOptions: '--memory lots' } }, /--memory must be a size/],
    [
      'a volume that pods cannot see',
      { container: { userMountVolumes: [{ sourceVolumePath: '/etc', targetVolumePath: '/x' }] } },
      /the volume \/etc:\/x cannot be mounted/
    ],
    ['what admission denies', { container: { createOptions: '--privileged' } }, /privileged/],
    [
      'a program that is not there',
      { services: [{ ...REGISTRY, entryPoint: '/no/such' }] },
      /the service registry: .*\/no\/such/
    ]
  ])('refuses %s in one line and leaves nothing behind', async (_title, job, message) => {
    await expectRefused(job, message)
  })

  it('refuses a template it cannot read', async () => {
    const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: '/no/such/file' }
    await expectRefused({}, /the pod template \/no\/such\/file cannot be read/, env)
  })

  it('says why no node takes the pod when its time is over', async () => {
    await runner().write(HOME, { 'template.yaml': 'spec: {nodeSelector: {there: is-none}}' })
    const env = {
      ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: TEMPLATE,
      ACTIONS_RUNNER_PREPARE_JOB_TIMEOUT_SECONDS: '4'
    }
    const { stdout } = await expectRefused({}, /no node took.* within .* s: .*node/, env)
    expect(stdout).toContain('Waiting for a node for pod')
  })

  it('gives the credentials of every image to the kubelet, and removes them with the job', async () => {
    const registry = (username: string) => ({ username, password: 'secret', serverUrl: 'registry.example' })
    const job = { container: { registry: registry('one') }, services: [{ ...REGISTRY, registry: registry('two') }] }
    await withJob(job, async ({ stdout }, pod) => {
      const { spec } = await jobPodOf(pod)
      const secrets = await get<{ metadata: { name: string }; type: string }>([
        'secrets',
        '-n',
        pod.namespace,
        '-l',
        `runner-pod=${pod.name}`
      ])
      expect(secrets.map(({ type }) => type)).toEqual(Array(2).fill('kubernetes.io/dockerconfigjson'))
      expect(spec.imagePullSecrets?.map(({ name }) => name).sort()).toEqual(
        secrets.map(({ metadata }) => metadata.name).sort()
      )
      expect(stdout).not.toContain('secret"')
    })
  })

  it('replaces what an earlier job of the same runner pod left', async () => {
    await withJob({ container: { environmentVariables: { NUMBER: 'one' } } }, async () => {
      const again = await prepareJob(runner(), { container: { environmentVariables: { NUMBER: 'two' } } })
      expect(again.exitCode, again.stdout).toBe(0)
      await eventually('an answer of the new job container', 10_000, async () => {
        const { stdout } = await inJob(runner(), 'echo $NUMBER')
        return stdout === 'two'
      })
    })
  })

  it('leaves a pod alone that has the name of its job pod and belongs to another runner', async () => {
    const { namespace, name } = runner()
    const metadata = { name: `${name}-workflow`, namespace, labels: { 'runner-pod': 'another', [GIVEN_LABEL]: '' } }
    const container = { name: 'job', image: IMAGES.busybox, imagePullPolicy: 'IfNotPresent', command: ['sleep', '600'] }
    await apply({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } })
    try {
      await expectRefused({}, /does not belong to this runner: delete it if nothing uses it/)
      expect((await runCleanupJob(runner())).exitCode).toBe(0)
      expect((await jobPodOf(runner())).metadata).not.toHaveProperty('deletionTimestamp')
    } finally {
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace, '--now'])
    }
  })

  it.each([
    ['while the pod starts', { services: [{ ...shell('sleep 60'), createOptions: '--health-cmd false' }] }, /^Start: /],
    ['before there is a pod', {}, /^Place: /]
  ])('cancelled %s ends within 7 s and leaves nothing behind', async (_title, job, line) => {
    const run = await startPrepareJob(runner(), job)
    await run.line(line)
    const signalledAt = performance.now()
    await run.signal('INT')
    const { exitCode } = await run.finished
    expect(performance.now() - signalledAt).toBeLessThan(CANCEL_MS_MAX)
    expect(exitCode).not.toBe(0)
    expect(await run.response()).toBeUndefined()
    await eventually('the end of everything', 5_000, async () => (await objectsLeft(runner())).length === 0)
  })
})
