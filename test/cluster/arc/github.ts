/**
 * A stand-in for GitHub, as far as ARC 0.14's controller and listener use it, with paths below /control/ for tests. Runs in a pod, where
 * only node is; GitHub's own service is no part of any test.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import {
  addRunner,
  addScaleSet,
  assignJob,
  completeJob,
  runners,
  type ScaleSet,
  scaleSets,
  startJob,
  statisticsOf
} from './scale-sets.ts'

const SELF = process.env.SELF ?? 'http://localhost'
const PORT = 8080

interface Request {
  /** What the groups of the path's pattern matched. */
  readonly groups: readonly string[]
  readonly query: URLSearchParams
  readonly body: { readonly name: string; readonly ownerName: string; readonly length: number }
}
type Answer = readonly [status: number, body?: object | undefined]
type Route = readonly [method: string, path: RegExp, answer: (request: Request) => Answer | Promise<Answer>]

const NOT_FOUND: Answer = [404, { typeName: 'AgentNotFoundException', message: 'not found' }]
const BUSY: Answer = [
  400,
  { $id: '1', typeName: 'GitHub.DistributedTask.WebApi.JobStillRunningException, x', message: 'still running' }
]

/** Nobody verifies it; ARC reads when it expires. */
function token(): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ iat: now, exp: now + 86_400 })}.x`
}

const list = (value: readonly object[]): Answer => [200, { count: value.length, value }]
const scaleSetOf = ({ groups }: Request) => scaleSets.get(Number(groups[0]))
const runnerOf = ({ query }: Request) => [...runners.values()].find(({ name }) => name === query.get('runner'))

const described = ({ id, given }: ScaleSet) => ({ ...given, id, runnerJitConfigUrl: `${SELF}/jit` })
const session = (scaleSet: ScaleSet, sessionId: string) => ({
  sessionId,
  runnerScaleSet: described(scaleSet),
  messageQueueUrl: `${SELF}/queue/${scaleSet.id}`,
  messageQueueAccessToken: token(),
  statistics: statisticsOf(scaleSet)
})

/** Answers with what `about` makes of a thing that is there. */
const when = <Thing>(found: Thing | undefined, about: (thing: Thing) => Answer | Promise<Answer>) =>
  found === undefined ? NOT_FOUND : about(found)
const done = (action: () => void): Answer => {
  action()
  return [204]
}

const SETS = '/_apis/runtime/runnerscalesets'
const AGENTS = '/_apis/distributedtask/pools/0/agents'
const path = (pattern: string) => new RegExp(`${pattern}/?$`)

const ROUTES: readonly Route[] = [
  [
    'POST',
    path('/registration-token'),
    () => [201, { token: 'token', expires_at: new Date(Date.now() + 86_400_000).toISOString() }]
  ],
  ['POST', path('/actions/runner-registration'), () => [200, { url: `${SELF}/tenant`, token: token() }]],
  [
    'GET',
    path('/_apis/runtime/runnergroups'),
    ({ query }) => list([{ id: 1, name: query.get('groupName') ?? 'Default', size: 1, isDefaultGroup: true }])
  ],

  ['POST', path(SETS), ({ body }) => [200, described(addScaleSet(body))]],
  [
    'GET',
    path(SETS),
    ({ query }) => list([...scaleSets.values()].filter(({ name }) => name === query.get('name')).map(described))
  ],
  ['GET', path(`${SETS}/(\\d+)`), (request) => when(scaleSetOf(request), (one) => [200, described(one)])],
  [
    'PATCH',
    path(`${SETS}/(\\d+)`),
    (request) =>
      when(scaleSetOf(request), (one) => {
        const changed = { ...one, given: { ...one.given, ...request.body } }
        scaleSets.set(one.id, changed)
        return [200, described(changed)]
      })
  ],
  ['DELETE', path(`${SETS}/(\\d+)`), ({ groups }) => done(() => scaleSets.delete(Number(groups[0])))],
  [
    'POST',
    path(`${SETS}/(\\d+)/generatejitconfig`),
    ({ groups, body }) => [200, { runner: addRunner(body.name, Number(groups[0])), encodedJITConfig: 'e30=' }]
  ],
  [
    'POST',
    path(`${SETS}/(\\d+)/sessions`),
    (request) => when(scaleSetOf(request), (one) => [200, session(one, randomUUID())])
  ],
  [
    'PATCH',
    path(`${SETS}/(\\d+)/sessions/([^/]+)`),
    (request) => when(scaleSetOf(request), (one) => [200, session(one, request.groups[1] ?? '')])
  ],
  ['DELETE', path(`${SETS}/(\\d+)/sessions/([^/]+)`), () => [204]],
  ['POST', path(`${SETS}/(\\d+)/acquirejobs`), ({ body }) => [200, { count: body.length, value: body }]],

  [
    'GET',
    path('/queue/(\\d+)'),
    (request) =>
      when(scaleSetOf(request), async ({ queue }) => {
        const message = await queue.first()
        return message === undefined ? [202] : [200, message]
      })
  ],
  [
    'DELETE',
    path('/queue/(\\d+)/(\\d+)'),
    (request) => when(scaleSetOf(request), ({ queue }) => done(() => queue.remove(Number(request.groups[1]))))
  ],

  [
    'GET',
    path(AGENTS),
    ({ query }) => list([...runners.values()].filter(({ name }) => name === query.get('agentName')))
  ],
  ['GET', path(`${AGENTS}/(\\d+)`), ({ groups }) => when(runners.get(Number(groups[0])), (one) => [200, one])],
  // One that is not there any more counts as removed: ARC asks twice.
  [
    'DELETE',
    path(`${AGENTS}/(\\d+)`),
    ({ groups }) => (runners.get(Number(groups[0]))?.isBusy ? BUSY : done(() => runners.delete(Number(groups[0]))))
  ],

  ['GET', path('/control/ready'), () => [200, {}]],
  [
    'POST',
    path('/control/assign'),
    ({ query }) =>
      when(
        [...scaleSets.values()].find(({ name }) => name === query.get('scaleSet')),
        (one) => done(() => assignJob(one))
      )
  ],
  ['POST', path('/control/start'), (request) => when(runnerOf(request), (one) => done(() => startJob(one)))],
  ['POST', path('/control/complete'), (request) => when(runnerOf(request), (one) => done(() => completeJob(one)))]
]

async function answer(request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '', SELF)
  const pathname = url.pathname.replace(/\/+/g, '/')
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}
  for (const [method, pattern, answerTo] of ROUTES) {
    const match = pattern.exec(pathname)
    if (match !== null && method === request.method)
      return await answerTo({ groups: match.slice(1), query: url.searchParams, body })
  }
  return NOT_FOUND
}

const server = createServer((request, response) => {
  void answer(request).then(([status, body]) => {
    console.log(new Date().toISOString(), request.method, request.url, status)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(body === undefined ? undefined : JSON.stringify(body))
  })
})
server.listen(PORT)
