/**
 * What the shipped hook's own suite holds it to, as orders on stdin and answers in the response file (docs/shipped-suite.md). The
 * orders are shaped like that suite's, with paths of another machine; no node is protected from ports here, since it uses them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runCleanupJob, startHook } from './support/hook.ts'
import { IMAGES } from './support/images.ts'
import { inJob, type Job, jobPodOf, prepareJob } from './support/job.ts'
import { objectsLeft } from './support/leftovers.ts'
import type { Finished } from './support/process.ts'
import { responsePath } from './support/protocol.ts'
import { createRunnerPod, HOME, type RunnerPod, STORAGE_MODES, TEMP } from './support/runner-pod.ts'
import { createTestNamespace, type TestNamespace } from './support/test-namespace.ts'

const OTHERS_WORK = '/Users/somebody/runner/_work'
const mount = (sourceVolumePath: string, targetVolumePath: string, readOnly = false) => ({
  sourceVolumePath,
  targetVolumePath,
  readOnly
})
const MOUNTS = [
  mount('/var/run/docker.sock', '/var/run/docker.sock'),
  mount(OTHERS_WORK, '/__w'),
  mount('/Users/somebody/runner/externals', '/__e', true),
  mount(`${OTHERS_WORK}/_temp`, '/__w/_temp'),
  mount(`${OTHERS_WORK}/_actions`, '/__w/_actions'),
  mount(`${OTHERS_WORK}/_tool`, '/__w/_tool'),
  mount(`/${OTHERS_WORK}/_temp/_github_home`, '/github/home'),
  mount(`${OTHERS_WORK}/_temp/_github_workflow`, '/github/workflow')
]

const container = (more: object = {}) => ({
  image: IMAGES.debian,
  workingDirectory: '/__w/repo/repo',
  createOptions: '--cpus 1',
  environmentVariables: { NODE_ENV: 'development' },
  systemMountVolumes: MOUNTS,
  registry: null,
  ...more
})
const IDLE = { image: IMAGES.busybox, entryPoint: 'sleep', entryPointArgs: ['60'], createOptions: '--cpus 1' }

/** A file in the runner's temporary directory, seen by scripts and container actions alike. */
const SCRIPT = '/__w/_temp/example-script.sh'

const TEMPLATE = `${HOME}/template.yaml`
const withTemplate = { env: { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: TEMPLATE } }

describe.each(STORAGE_MODES)("orders like the shipped hook's own suite, storage mode %s", (mode) => {
  let namespace: TestNamespace
  let pod: RunnerPod
  beforeAll(async () => {
    namespace = await createTestNamespace('privileged')
    pod = await createRunnerPod(namespace.name, mode)
    await pod.write(TEMP, { 'example-script.sh': 'echo "Hello World"\n' })
  })
  afterEach(async () => {
    expect((await runCleanupJob(pod)).exitCode).toBe(0)
    // At once, not some time later.
    expect(await objectsLeft(pod)).toEqual([])
  })
  afterAll(async () => {
    await pod?.remove()
    await namespace?.remove()
  })

  async function order(command: string, args: object, state: object | null, options = {}): Promise<Finished> {
    const input = { command, responseFile: responsePath(), args, state }
    await pod.write(TEMP, { [input.responseFile.slice(TEMP.length + 1)]: '' })
    return await startHook(pod, input, 'none', options).finished
  }
  async function expectGood(run: Promise<Finished>): Promise<Finished> {
    const finished = await run
    expect(finished.exitCode, finished.stdout + finished.stderr).toBe(0)
    return finished
  }

  it('run a whole job', async () => {
    const service = { image: IMAGES.registry, createOptions: '--cpus 1', portMappings: ['28080:80', '28088:5000'] }
    const job: Job = { container: container({ portMappings: ['20080:8080'] }), services: [service] }
    const { exitCode, response, stdout } = await prepareJob(pod, job)
    expect(exitCode, stdout).toBe(0)
    expect(response?.context).toEqual({
      container: { image: IMAGES.debian, ports: { '8080': '20080' } },
      services: [{ image: IMAGES.registry, ports: { '80': '28080', '5000': '28088' } }]
    })
    const state = response?.state ?? null

    const script = (args: object, given = state) =>
      order(
        'run_script_step',
        {
          entryPoint: 'bash',
          entryPointArgs: ['-e', SCRIPT],
          environmentVariables: { NODE_ENV: 'development' },
          prependPath: ['/foo/bar', 'bar/foo'],
          workingDirectory: '/__w/repo/repo',
          ...args
        },
        given
      )
    expect((await expectGood(script({}))).stdout).toBe('Hello World')
    await expectGood(script({ entryPointArgs: ['-c', "'if [[ -z $NODE_ENV ]]; then exit 1; fi'"] }))
    const path = `'if [[ ! $(env | grep "^PATH=") = "PATH=/foo/bar:bar/foo:"* ]]; then exit 1; fi'`
    await expectGood(script({ entryPoint: '/bin/bash', entryPointArgs: ['-c', path] }))
    expect((await script({ workingDirectory: '/foo/bar' })).exitCode).not.toBe(0)

    // Its own suite gives container actions no state.
    const step = (args: object, options = {}) =>
      order('run_container_step', { ...container(), entryPoint: 'bash', ...args }, null, options)
    const mounts = { entryPointArgs: ['-e', SCRIPT], systemMountVolumes: MOUNTS.slice(1), prependPath: ['/foo/bar'] }
    expect((await expectGood(step(mounts))).stdout).toMatch(/^Hello World$/m)
    await expectGood(step({ entryPointArgs: ['-c', "'if [[ -z $NODE_ENV ]]; then exit 1; fi'"] }))
    await expectGood(
      step({ entryPointArgs: ['-c', "'if [[ -z $GITHUB_ACTIONS  ]] || [[ -z $CI ]]; then exit 1; fi'"] })
    )
    const template = [
      'metadata: {annotations: {foo: bar}, labels: {bar: baz}}',
      'spec:',
      '  restartPolicy: Never',
      '  containers:',
      '  - {name: $job, command: [sh], args: [-c, sleep 10000]}',
      `  - {name: side-container, image: ${IMAGES.busybox}, command: [sh], args: [-c, echo test]}`
    ]
    await pod.write(HOME, { 'template.yaml': template.join('\n') })
    expect((await expectGood(step(mounts, withTemplate))).stdout).toMatch(/^Hello World$/m)
  })

  it('prepare jobs of every kind that it tries', async () => {
    // There is no Alpine on the node: an init container puts its release file into the job container.
    const release = [
      'spec:',
      '  volumes: [{name: release, emptyDir: {}}]',
      '  initContainers:',
      `  - {name: release, image: ${IMAGES.busybox}, command: [sh, -c, "echo ID=alpine >/release/os-release"],`,
      '     volumeMounts: [{name: release, mountPath: /release}]}',
      '  containers:',
      '  - {name: $job, volumeMounts: [{name: release, mountPath: /etc/os-release, subPath: os-release}]}'
    ]
    await pod.write(HOME, { 'template.yaml': release.join('\n') })
    // An image whose user is not root; services of one image, with no ports in each way to say so.
    const services = [
      { ...IDLE, portMappings: null },
      { ...IDLE, portMappings: undefined },
      { ...IDLE, portMappings: [] },
      { ...IDLE, portMappings: ['21081:80', '21082:8080'] }
    ]
    const job = { container: container({ image: IMAGES.runner, environmentVariables: { CI: 'false' } }), services }
    const { exitCode, response, stdout } = await prepareJob(pod, job as Job, withTemplate)
    expect(exitCode, stdout).toBe(0)
    expect(response?.isAlpine, stdout).toBe(true)
    expect(response?.context.container.image).toBe(IMAGES.runner)
    expect(response?.context.services?.map(({ ports }) => ports)).toEqual([
      {},
      {},
      {},
      { '80': '21081', '8080': '21082' }
    ])
    expect((await inJob(pod, 'id -u')).stdout).toBe('1001')

    const { spec } = await jobPodOf(pod)
    const names = spec.containers.map(({ name }) => name)
    expect(names.slice(0, 5)).toEqual(['job', 'busybox-0', 'busybox-1', 'busybox-2', 'busybox-3'])
    const ci = (at: number) => spec.containers[at]?.env?.filter(({ name }) => /^(CI|GITHUB_ACTIONS)$/.test(name))
    const both = (value: string) =>
      expect.arrayContaining([
        { name: 'CI', value },
        { name: 'GITHUB_ACTIONS', value: 'true' }
      ])
    expect(ci(0)).toEqual(both('false'))
    for (const at of [1, 2, 3, 4]) expect(ci(at)).toEqual(both('true'))
  })
})
