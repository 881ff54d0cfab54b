/** Goal: gc goes on whatever a registry answers, shows it without effect, and says nothing of its secrets. Method: real servers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { CliDependencies } from '../../../src/cli/command.ts'
import { gc } from '../../../src/cli/gc.ts'
import { handleOf } from '../../../src/effects/kubernetes/context/site.ts'

const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')
const PASSWORD = 'gc-password'
const TOKEN = 'fresh-registry-token'
const [DEAD, OTHER] = [handleOf({ metadata: { uid: 'dead' } }), handleOf({ metadata: { uid: 'other' } })]
const DIGEST = `sha256:${'a'.repeat(64)}`
const servers: Server[] = []
const kubeconfigBefore = process.env.KUBECONFIG
let directory = ''

async function serve(answer: (request: IncomingMessage, path: string, response: ServerResponse) => void) {
  const server = createServer((request, response) => answer(request, request.url ?? '', response))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-gc-'))
  process.env.KUBECONFIG = join(directory, 'kubeconfig')
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
afterAll(async () => {
  if (kubeconfigBefore === undefined) delete process.env.KUBECONFIG
  else process.env.KUBECONFIG = kubeconfigBefore
  await rm(directory, { recursive: true })
})

/** Runs gc against a cluster without pods and a registry that lets in who has a token, and answers as `answers` has it. */
async function collect(answers: Readonly<Record<string, unknown>>, args: readonly string[] = []) {
  const removed: string[] = []
  const registry = await serve((request, path, response) => {
    const say = (status: number, body: unknown, headers = {}) =>
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
    if (path.startsWith('/token')) return void say(200, { token: TOKEN })
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      return void say(401, '', { 'www-authenticate': `Bearer realm="http://${registry}/token",scope="${path}"` })
    }
    const below = path.slice('/v2/'.length)
    if (request.method === 'DELETE') {
      removed.push(below)
      return void say(202, '')
    }
    if (request.method === 'HEAD') return void say(200, '', { 'docker-content-digest': DIGEST })
    const answer = below === '' ? {} : Object.hasOwn(answers, below) ? answers[below] : undefined
    say(answer === undefined ? 404 : answer === 'broken' ? 500 : 200, answer ?? {})
  })
  const secret = {
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      '.dockerconfigjson': base64(JSON.stringify({ auths: { [registry]: { username: 'u', password: PASSWORD } } }))
    }
  }
  const api = await serve((_request, path, response) => {
    const answer = path.includes('/secrets/push') ? secret : path.endsWith('/namespaces/ci') ? {} : { items: [] }
    response.writeHead(200).end(JSON.stringify(answer))
  })
  const kubeconfig = {
    clusters: [{ name: 'test', cluster: { server: `http://${api}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'ci' } }],
    'current-context': 'test'
  }
  await writeFile(join(directory, 'kubeconfig'), JSON.stringify(kubeconfig))
  let shown = ''
  const deps: CliDependencies = {
    write: (data) => {
      shown += String(data)
    },
    environment: {
      KUBECONFIG: join(directory, 'kubeconfig'),
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_HOST: registry,
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PLAIN_HTTP: 'true',
      ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_PUSH_SECRET: 'push'
    },
    workingDirectory: directory,
    temporaryDirectory: directory,
    isRoot: false,
    onCancel: () => () => {}
  }
  const exitCode = await gc.run(args, deps)
  return { exitCode, shown, removed, registry }
}

const old = (repository: string, tag: string) => ({
  [`${repository}/manifests/${tag}`]: { config: { digest: 'sha256:c' } },
  [`${repository}/blobs/sha256:c`]: { created: '2020-01-01T00:00:00Z' }
})
const REPOSITORIES = { repositories: [DEAD, 5, null, '__proto__', '\ud800', OTHER] }
/** Whatever has been listed is the last page. */
const catalogOf = (body: object) => ({
  '_catalog?n=500': body,
  [`_catalog?n=500&last=${OTHER}`]: { repositories: [] }
})
const ODD = ['..', 'a\n\u001b[2J', '', 5, null, {}, ['x'], 'x'.repeat(10_000), '__proto__', 'ok\u0000']

it('one odd tag, of any kind, keeps no other image from being removed', async () => {
  const answers = {
    ...catalogOf(REPOSITORIES),
    [`${DEAD}/tags/list`]: { tags: [...ODD, 'good'] },
    [`${OTHER}/tags/list`]: { tags: ['good'] },
    ...old(DEAD, 'good'),
    ...old(OTHER, 'good')
  }
  const { exitCode, shown, removed, registry } = await collect(answers)
  expect(exitCode, shown).toBe(0)
  expect(removed).toEqual([`${DEAD}/manifests/${DIGEST}`, `${OTHER}/manifests/${DIGEST}`])
  expect(shown).toContain(`image ${registry}/${DEAD}:a\\u000a\\u001b[2J kept: its tag is none that an image can have`)
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u)
  expect(Math.max(...shown.split('\n').map(({ length }) => length))).toBeLessThan(500)
  expect(shown.trimEnd().split('\n').at(-1)).toMatch(/^2 removed, \d+ kept, 0 problems$/)
})

it.each<[string, object, RegExp]>([
  ['that cannot be listed', { [`${DEAD}/tags/list`]: 'broken' }, /^repository \w+: .*status 500$/m],
  ['whose list is none', { [`${DEAD}/tags/list`]: '<html>' }, /^repository \w+: .*without a list of tags$/m],
  [
    'with more tags than any job makes',
    { [`${DEAD}/tags/list`]: { tags: Array.from({ length: 1_001 }, (_, at) => `t${at}`) } },
    /^repository \w+: .*more than 1000 tags$/m
  ],
  [
    'with an image that cannot be looked at',
    { [`${DEAD}/tags/list`]: { tags: ['bad'] }, [`${DEAD}/manifests/bad`]: 'broken' },
    /^image \S+:bad: .*status 500$/m
  ],
  [
    'with a configuration that is too large',
    {
      [`${DEAD}/tags/list`]: { tags: ['bad'] },
      [`${DEAD}/manifests/bad`]: { config: { digest: 'sha256:c' } },
      [`${DEAD}/blobs/sha256:c`]: 'x'.repeat(5 * 1024 * 1024)
    },
    /^image \S+:bad: .*the answer has more than/m
  ]
])('a repository %s is told, and keeps no other one from being looked at', async (_title, odd, message) => {
  const answers = {
    ...catalogOf(REPOSITORIES),
    ...odd,
    [`${OTHER}/tags/list`]: { tags: ['good'] },
    ...old(OTHER, 'good')
  }
  const { exitCode, shown, removed } = await collect(answers)
  expect(exitCode).toBe(1)
  expect(shown).toMatch(message)
  expect(removed).toEqual([`${OTHER}/manifests/${DIGEST}`])
})

it.each(['../../secrets', 'sha256:../..', 'sha256:a?b', '__proto__', 5, ''])(
  'an image with a configuration called %j is kept, and nothing is asked for by that name',
  async (digest) => {
    const answers = {
      ...catalogOf({ repositories: [DEAD, OTHER] }),
      [`${DEAD}/tags/list`]: { tags: ['odd'] },
      [`${DEAD}/manifests/odd`]: { config: { digest } },
      [`${OTHER}/tags/list`]: { tags: [] }
    }
    const { exitCode, shown } = await collect(answers)
    expect(exitCode, shown).toBe(0)
    expect(shown).toContain(':odd kept: it does not say when it was made')
  }
)

it('passwords and tokens are in nothing that it says, and JSON is JSON', async () => {
  const answers = {
    ...catalogOf({ repositories: [DEAD, OTHER] }),
    [`${DEAD}/tags/list`]: { tags: [`\u009b${PASSWORD}`, `${TOKEN}`, '\u2028'] },
    [`${OTHER}/tags/list`]: 'broken'
  }
  for (const args of [[], ['--json']]) {
    const { shown } = await collect(answers, args)
    expect(shown).not.toContain(PASSWORD)
    expect(shown).not.toContain(TOKEN)
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u)
    if (args.length > 0) expect(JSON.parse(shown).items).toHaveLength(3)
  }
})
