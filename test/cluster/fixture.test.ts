/** The suite's own runner pod: what the other tests take for granted about it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from './support/kubectl.ts'
import { runProcess } from './support/process.ts'
import { createRunnerPod, HOOK, NODE, type RunnerPod, STORAGE_MODES, WORK, WORKSPACE } from './support/runner-pod.ts'
import { createTestNamespace, SERVICE_ACCOUNT, type TestNamespace } from './support/test-namespace.ts'

let namespace: TestNamespace
beforeAll(async () => {
  namespace = await createTestNamespace()
})
afterAll(async () => await namespace?.remove())

describe.each(STORAGE_MODES)('the runner pod of mode %s', (mode) => {
  let pod: RunnerPod
  beforeAll(async () => {
    pod = await createRunnerPod(namespace.name, mode)
  })
  afterAll(async () => await pod?.remove())

  it('gives its unprivileged user a work directory to write to', async () => {
    await pod.write(WORKSPACE, { 'note.txt': 'kept' })
    expect(await pod.read(`${WORKSPACE}/note.txt`)).toBe('kept')
    expect((await pod.exec(['id', '-u'])).stdout).toBe('1001')
  })

  it('has the built hook and a node 20 to run it with', async () => {
    expect((await pod.exec([NODE, '--version'])).stdout).toMatch(/^v20\./)
    expect((await pod.exec(['test', '-s', HOOK])).exitCode).toBe(0)
  })

  it(`has ${mode === 'volume' ? 'a claim called <pod>-work' : 'no claim'}`, async () => {
    const { stdout } = await kubectl(['get', 'pvc', '-n', namespace.name, '-o', 'name'])
    expect(stdout.includes(`persistentvolumeclaim/${pod.name}-work`)).toBe(mode === 'volume')
    expect((await pod.exec(['mountpoint', '-q', WORK])).exitCode).toBe(0)
  })
})

describe("the runner's service account", () => {
  const can = async (verb: string, resource: string) => {
    const [type = '', subresource = ''] = resource.split('/')
    const account = `system:serviceaccount:${namespace.name}:${SERVICE_ACCOUNT}`
    const question = [verb, type, `--subresource=${subresource}`, '-n', namespace.name, '--as', account]
    const { stdout } = await runProcess('kubectl', ['auth', 'can-i', ...question])
    return stdout.trim()
  }

  it.each([
    ['create', 'pods', 'yes'],
    ['create', 'pods/exec', 'yes'],
    ['watch', 'pods/log', 'yes'],
    ['delete', 'secrets', 'yes'],
    ['watch', 'pods', 'no'],
    ['patch', 'pods', 'no'],
    ['list', 'events', 'no'],
    ['create', 'jobs', 'no'],
    ['get', 'persistentvolumeclaims', 'no']
  ])('may it %s %s? %s', async (verb, resource, answer) => {
    expect(await can(verb, resource)).toBe(answer)
  })
})

it('a privileged pod is refused', async () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'privileged', namespace: namespace.name },
    spec: { containers: [{ name: 'a', image: 'none', securityContext: { privileged: true } }] }
  }
  const { exitCode, stderr } = await runProcess('kubectl', ['create', '-f', '-'], { input: JSON.stringify(pod) })
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('violates PodSecurity "baseline')
})
