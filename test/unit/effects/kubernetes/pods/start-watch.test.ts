/** Goal: a pod that its node does not set up is told early, and given up as what is known of it. Method: a clock that costs no time, a server with events. */
import type { V1ContainerState, V1Pod } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import { isNotSetUp } from '../../../../../src/effects/kubernetes/pods/set-up.ts'
import { waitForPod } from '../../../../../src/effects/kubernetes/pods/wait.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { StepError } from '../../../../../src/errors.ts'
import { serveAccess } from '../../../../support/access-server.ts'

const never = new AbortController().signal
const CONDITION = 'PodReadyToStartContainers'
const condition = (status: string) => [{ type: CONDITION, status }]
const containers = (state: V1ContainerState) => [
  { name: 'job', state, image: 'a', imageID: '', ready: false, restartCount: 0 }
]
const CREATING = { waiting: { reason: 'ContainerCreating' } }
const podOf = (status: V1Pod['status'], spec: object = { nodeName: 'n1' }): V1Pod => ({
  metadata: { name: 'p', namespace: 'ci', uid: 'u-1' },
  spec: { containers: [], ...spec },
  status: { phase: 'Pending', ...status }
})
const noSandbox = podOf({ conditions: condition('False'), containerStatuses: containers(CREATING) })

describe('a pod', () => {
  test.each<[string, V1Pod, boolean]>([
    ['without a sandbox', noSandbox, true],
    ['that its node says nothing of', podOf({}), true],
    ['whose node is an old one, and tells no condition', podOf({ containerStatuses: containers(CREATING) }), true],
    ['that no node has', podOf({}, {}), false],
    [
      'whose image is being pulled',
      podOf({ conditions: condition('True'), containerStatuses: containers(CREATING) }),
      false
    ],
    [
      'whose image cannot be pulled',
      podOf({ conditions: condition('False'), containerStatuses: containers({ waiting: { reason: 'ErrImagePull' } }) }),
      false
    ],
    [
      'whose first container runs',
      podOf({
        initContainerStatuses: containers({ running: {} }),
        containerStatuses: containers({ waiting: { reason: 'PodInitializing' } })
      }),
      false
    ],
    [
      'that lost its sandbox with its node, later',
      podOf({ conditions: condition('False'), initContainerStatuses: containers({ terminated: { exitCode: 0 } }) }),
      false
    ],
    ['that runs', podOf({ phase: 'Running', conditions: condition('False') }), false],
    ['that has failed', podOf({ phase: 'Failed' }), false]
  ])('%s', (_what, pod, expected) => expect(isNotSetUp(pod)).toBe(expected))
})

type Events = readonly object[] | number
const event = (reason: string, message: string, time: string) => ({
  reason,
  message,
  lastTimestamp: `2026-11-28T${time}Z`
})

/** Waits for a pod until it is given up, or until it has started; `events`: what the server has, or its refusal. */
async function wait(pod: (nowMs: number) => V1Pod, events: Events = 403, settingUpMsMax?: number) {
  let [nowMs, said] = [0, '']
  const asked: string[] = []
  const access = await serveAccess(({ url = '' }, response) => {
    asked.push(url)
    if (typeof events === 'number') response.writeHead(events).end('{}')
    else response.end(JSON.stringify({ items: events }))
  })
  const cluster = { ...access, getPod: async () => pod(nowMs) } as unknown as Cluster
  const clock = {
    now: () => nowMs,
    jitter: (ms: number) => ms,
    async sleep(ms: number) {
      nowMs += ms
      if (nowMs > 3_600_000) throw new Error('it is waited for without an end')
    }
  }
  const reporter = createReporter((text) => {
    said += text
  })
  const isRunning = ({ status }: V1Pod) => (status?.phase === 'Running' ? ('runs' as const) : undefined)
  const lost = () => new StepError('run-lost', 'gone')
  const pods = { cluster, clock, reporter, settingUpMsMax }
  const result = await waitForPod(pods, 'p', isRunning, lost, never).catch((error: StepError) => error)
  return { result, said, asked, seconds: Math.round(nowMs / 1_000) }
}

describe('a pod that its node does not set up', () => {
  const SANDBOX = event('FailedCreatePodSandBox', 'runtime does not support user namespaces', '10:00:09')
  const PULLING = event('Pulling', 'Pulling image "a"', '10:00:10')

  test('is told once, after 15 s, with what is known where no event may be read', async () => {
    const { said, asked, result } = await wait((ms) => (ms < 60_000 ? noSandbox : podOf({ phase: 'Running' })))
    expect(result).toBe('runs')
    expect(said).toMatch(
      /^Waiting for pod p: node n1 has not set up pod p within 15 s: .*network \(CNI\).*kubectl describe pod p -n ci.*\n$/
    )
    expect(asked).toHaveLength(1)
    expect(decodeURIComponent(asked[0] ?? '')).toContain('/namespaces/ci/events?fieldSelector=involvedObject.uid=u-1')
  })

  test('is not told when it starts before', async () => {
    const { said, asked } = await wait((ms) => (ms < 14_000 ? noSandbox : podOf({ phase: 'Running' })), [SANDBOX])
    expect([said, asked]).toEqual(['', []])
  })

  test('is given up after two minutes when its newest event says that there is no sandbox', async () => {
    const { result, said, seconds } = await wait(() => noSandbox, [SANDBOX, event('Scheduled', 'assigned', '10:00:00')])
    expect(result).toMatchObject({ code: 'unstartable', retryable: false })
    expect((result as StepError).message).toContain('FailedCreatePodSandBox: runtime does not support user namespaces')
    expect(said).toContain('FailedCreatePodSandBox')
    expect(seconds).toBe(120)
  })

  test.each<[string, Events]>([
    ['its events may not be read', 403],
    ['there are none', []],
    ['its image is being pulled since, as kubelets before 1.36 report it', [SANDBOX, PULLING]],
    ['a volume is waited for', [event('FailedMount', 'timed out', '10:00:00')]]
  ])('has nine minutes when %s', async (_what, events) => {
    const { result, seconds } = await wait(() => noSandbox, events)
    expect(result).toMatchObject({ code: 'unstartable' })
    expect(seconds).toBe(540)
  })

  test('has no longer than its stage', async () => {
    const { result, seconds, said } = await wait(() => noSandbox, 403, 9_000)
    expect(result).toMatchObject({ code: 'unstartable' })
    expect([seconds, said]).toEqual([9, ''])
  })

  test('is counted anew when something was heard of it meanwhile', async () => {
    const started = podOf({ conditions: condition('True'), containerStatuses: containers(CREATING) })
    const { result, said } = await wait((ms) =>
      ms > 700_000 ? podOf({ phase: 'Running' }) : ms > 10_000 && ms < 690_000 ? started : noSandbox
    )
    expect([result, said]).toEqual(['runs', ''])
  })

  test('names the user namespace and the runtime that it asks for, and a node that says nothing', async () => {
    const asking = podOf(noSandbox.status, { nodeName: 'n1', hostUsers: false })
    expect((await wait(() => asking)).said).toContain('hostUsers: false')
    const special = podOf(noSandbox.status, { nodeName: 'n1', runtimeClassName: 'gvisor' })
    expect((await wait(() => special)).said).toContain('runtimeClassName: gvisor')
    expect((await wait(() => noSandbox)).said).not.toContain('hostUsers')
    expect((await wait(() => podOf({}))).said).toContain('the node says nothing about it')
  })
})
