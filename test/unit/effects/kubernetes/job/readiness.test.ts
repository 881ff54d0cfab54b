/** When a job pod is up, and which container is blamed when it cannot get there. Statuses are worded as the kubelet does. */
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { expect, it } from 'vitest'
import { createReadiness } from '../../../../../src/effects/kubernetes/job/readiness.ts'
import { systemClock } from '../../../../../src/effects/system.ts'

const TIMEOUT_MS = 60_000
const expected = [
  { name: 'job', title: 'the job container', mayEnd: false },
  { name: 'db', title: 'the service db', mayEnd: true, unhealthyAfterMs: 5_000 }
]

const RUNNING: V1ContainerState = { running: {} }
const ended = (exitCode: number, reason = 'Error'): V1ContainerState => ({ terminated: { exitCode, reason } })
const waiting = (reason: string, message = ''): V1ContainerState => ({ waiting: { reason, message } })
const status = (name: string, state: V1ContainerState, ready = false): V1ContainerStatus => ({
  name,
  state,
  ready,
  image: `${name}:1`,
  imageID: '',
  restartCount: 0
})

interface Given {
  readonly job?: V1ContainerStatus
  readonly db?: V1ContainerStatus
  readonly other?: V1ContainerStatus
  readonly init?: V1ContainerState
  readonly pod?: V1Pod['status']
  readonly restartPolicy?: string
}

const up = (name: string) => status(name, RUNNING, true)
const podOf = ({
  job = up('job'),
  db = up('db'),
  other,
  init = ended(0, 'Completed'),
  pod,
  restartPolicy = 'Never'
}: Given): V1Pod => ({
  spec: { containers: [], restartPolicy },
  status: {
    initContainerStatuses: [status('fs-init', init)],
    containerStatuses: [job, db, ...(other ? [other] : [])],
    ...pod
  }
})

/** Looks at the pod at each of the times, in milliseconds since the start; gives the last verdict. */
function judge(given: Given, ...times: readonly number[]) {
  let nowMs = 0
  const clock = { ...systemClock, now: () => nowMs }
  const check = createReadiness({ expected, startedAtMs: 0, timeoutMs: TIMEOUT_MS, clock })
  let verdict: ReturnType<typeof check>
  for (const time of [0, ...times]) {
    nowMs = time
    verdict = check(podOf(given))
  }
  return verdict
}

const blamed = (verdict: ReturnType<typeof judge>) =>
  typeof verdict === 'object' ? [verdict.error.code, verdict.error.message, verdict.container] : verdict

it('is up when every container is ready', () => expect(judge({})).toBe('up'))

it('waits for a container that only starts, and for one that is not healthy yet', () => {
  expect(judge({ job: status('job', waiting('PodInitializing')) })).toBeUndefined()
  expect(judge({ db: status('db', RUNNING) }, 4_000)).toBeUndefined()
})

it('lets a service be a program with an end, but not the job container', () => {
  expect(judge({ db: status('db', ended(0, 'Completed')) })).toBe('up')
  expect(blamed(judge({ job: status('job', ended(0, 'Completed')) }))).toEqual([
    'start-failed',
    'the job container ended with exit code 0 before the job could start',
    'job'
  ])
})

it('does not mind how a side-car ends, but that its image cannot be pulled', () => {
  expect(judge({ other: status('side-car', ended(1)) })).toBe('up')
  const verdict = judge({ other: status('side-car', waiting('ErrImagePull', 'x: not found')) })
  expect(blamed(verdict)?.slice(0, 1)).toEqual(['image-not-found'])
})

it.each<[string, Given, string, string, string | undefined]>([
  ['ends', { db: status('db', ended(3)) }, 'start-failed', 'the service db ended with exit code 3', 'db'],
  [
    'is killed for its memory',
    { db: status('db', ended(137, 'OOMKilled')) },
    'out-of-memory',
    'the service db: ',
    'db'
  ],
  [
    'crashes again and again',
    { db: { ...status('db', waiting('CrashLoopBackOff')), lastState: ended(2) }, restartPolicy: 'Always' },
    'start-failed',
    'the service db ended with exit code 2',
    'db'
  ],
  [
    'has no image',
    { db: status('db', waiting('ErrImagePull', 'db:1: not found')) },
    'image-not-found',
    'the service db: cannot pull image db:1',
    undefined
  ],
  [
    'cannot be made',
    { job: status('job', waiting('CreateContainerError', 'bad')) },
    'start-failed',
    'the job container: ',
    undefined
  ],
  [
    'follows an init container that failed',
    { init: ended(1), job: status('job', waiting('PodInitializing')) },
    'start-failed',
    'the init container fs-init ended with exit code 1',
    'fs-init'
  ],
  ['was evicted', { pod: { reason: 'Evicted', message: 'disk' } }, 'evicted', 'the pod was evicted', undefined]
])('blames a container that %s', (_title, given, code, message, container) => {
  const [foundCode, foundMessage = '', foundContainer] = blamed(judge(given)) ?? []
  expect([foundCode, foundMessage.slice(0, message.length), foundContainer]).toEqual([code, message, container])
})

it('gives a registry that cannot be reached some time', () => {
  const given = { db: status('db', waiting('ErrImagePull', 'connection refused')) }
  expect(judge(given, 7_000)).toBeUndefined()
  expect(blamed(judge(given, 9_000))?.slice(0, 1)).toEqual(['image-pull-failed'])
})

it('says that a service is unhealthy when docker would', () => {
  expect(blamed(judge({ db: status('db', RUNNING) }, 6_000))).toEqual([
    'start-failed',
    'the service db is unhealthy: its health check never succeeded',
    'db'
  ])
})

it('says what it waited for before the time of the stage is over', () => {
  const late = TIMEOUT_MS - 500
  const starting = { job: status('job', waiting('ContainerCreating')) }
  expect(blamed(judge(starting, late))).toEqual(['start-failed', 'not ready within 60 s: the job container', 'job'])
  const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: Insufficient cpu.' }]
  const pod = { conditions, containerStatuses: [], initContainerStatuses: [] }
  expect(blamed(judge({ pod }, late))).toEqual([
    'unschedulable',
    'no node took the job pod within 60 s: 0/1 nodes are available: Insufficient cpu.',
    undefined
  ])
})
