/** A namespace whose quota wants requests and limits of every container: with a LimitRange, with the template of the page, with neither. */
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { dockerfile, installAction } from './support/actions.ts'
import { root } from './support/documentation.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { apply, eventually, get, kubectl } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { HOME } from './support/runner-pod.ts'

const QUOTA = { 'requests.cpu': '4', 'requests.memory': '8Gi', 'limits.cpu': '16', 'limits.memory': '32Gi' }
const LIMITS = {
  type: 'Container',
  min: { cpu: '10m', memory: '16Mi' },
  max: { cpu: '4', memory: '8Gi' },
  defaultRequest: { cpu: '20m', memory: '64Mi' },
  default: { cpu: '2', memory: '2Gi' }
}

describe.skipIf(!(await canBuild()))('a namespace with a quota on requests and limits', () => {
  const runner = useRunnerPod('copy')
  let path = ''
  const step = (env = {}) => runContainerStep(runner(), { dockerfile: `${path}/Dockerfile` }, { env })

  beforeAll(async () => {
    path = await installAction(runner(), 'counted', { Dockerfile: dockerfile(IMAGES.busyboxBase, 'CMD ["true"]') })
    const metadata = { name: 'all', namespace: runner().namespace }
    await apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: QUOTA } })
    await eventually('a quota that counts', 30_000, async () => {
      const [quota] = await get<{ status?: { used?: object } }>(['resourcequota', 'all', '-n', runner().namespace])
      return quota?.status?.used !== undefined
    })
  })

  it('refuses a build that nobody gave limits, and the step says so', async () => {
    const refused = await step()
    expect(refused.exitCode).not.toBe(0)
    expect(errorsOf(refused).join()).toMatch(/the cluster refused to create pods: .*must specify limits/)
  })

  it('takes all that a build and its step need, with the template that docs/template.md shows', async () => {
    const page = await readFile(new URL('docs/template.md', root), 'utf8')
    const [, section = ''] = page.split('## Namespaces with limits and quotas')
    const [, template = ''] = /```yaml\n(.*?)```/s.exec(section) ?? []
    await runner().write(HOME, { 'template.yaml': template })
    const taken = await step({ ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: `${HOME}/template.yaml` })
    expect(taken.exitCode, taken.stdout).toBe(0)
  })

  it('takes them with a LimitRange, too', async () => {
    const metadata = { name: 'all', namespace: runner().namespace }
    await apply({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: [LIMITS] } })
    const taken = await step()
    expect(taken.exitCode, taken.stdout).toBe(0)
    await kubectl(['delete', 'limitrange', 'all', '-n', runner().namespace])
  })
})
