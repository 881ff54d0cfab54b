/** Goal: a build pod gets the context as docker would send it; for an image that others will use, exactly what its name says, or nothing. */
import { existsSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { readContext } from '../../../../../src/effects/content/context.ts'
import { contentHash } from '../../../../../src/effects/content/hash.ts'
import { chooseContextTransfer } from '../../../../../src/effects/kubernetes/files/choose.ts'
import { COPIED_MARKER, WORK_ROOT } from '../../../../../src/effects/kubernetes/files/containers.ts'
import { copyInContext } from '../../../../../src/effects/kubernetes/files/context.ts'
import { fromMemory } from '../../../../../src/effects/kubernetes/files/sources.ts'
import type { RegistrySettings } from '../../../../../src/effects/kubernetes/registry/settings.ts'
import { StepError } from '../../../../../src/errors.ts'
import type { BuildPlan } from '../../../../../src/machines/types.ts'
import { filesIn, fill } from '../../../../support/work-volume.ts'
import { PATHS, siteOf } from '../context-fixture.ts'
import { useDisks } from './fixture.ts'

const never = new AbortController().signal
const POD = 'runner-abc-build-0-1'
const IDENTITY = 'builder 1'
const lost = () => new StepError('builder-lost', 'gone')
const KEPT: RegistrySettings = { pushHost: 'r', pullHost: 'r', plainHttp: false, isKept: true }

const disks = useDisks(POD)
let directory = ''
let plan: BuildPlan
beforeEach(async () => {
  directory = join(disks().runner, '_actions/o/r/v1')
  await fill(directory, { Dockerfile: 'FROM x', 'src/run.sh': 'echo', 'secret.env': 'no', '.dockerignore': '*.env' })
  const entries = await readContext({ root: disks().runner, path: '_actions/o/r/v1' }, 'Dockerfile', never)
  plan = {
    contextDirectory: directory,
    dockerfile: 'Dockerfile',
    contentHash: contentHash({ entries, dockerfile: 'Dockerfile', builderIdentity: IDENTITY }),
    pushReference: 'r/h:1',
    pullRepository: 'r/h'
  }
})

const volume = () => disks().volume(POD)
const isComplete = () => existsSync(COPIED_MARKER.replace(WORK_ROOT, volume()))

async function copyIn(registry?: RegistrySettings): Promise<void> {
  const site = await disks().site(registry && { registry })
  await chooseContextTransfer(site, plan).copyInContext({ pod: POD, lost }, { plan, identity: IDENTITY }, never)
}

test('the login for base images of a build in place comes with the context, for root alone', async () => {
  const others = [fromMemory('login/config.json', Buffer.from('{"auths":{}}'))]
  const context = { plan, identity: IDENTITY, name: 'context', others }
  await copyInContext(await disks().site(), { pod: POD, lost }, context, never)
  expect(filesIn(volume())).toMatchObject({ 'context/Dockerfile': 'FROM x', 'login/config.json': '{"auths":{}}' })
  expect(statSync(join(volume(), 'login/config.json')).mode & 0o777).toBe(0o600)
  expect(isComplete()).toBe(true)
})

describe.each([
  ['of this job alone', undefined],
  ['that is kept for others', KEPT]
])('for an image %s', (_what, registry) => {
  test('the context is there without what is ignored', async () => {
    await copyIn(registry)
    expect(filesIn(volume())).toEqual({
      'context/.dockerignore': '*.env',
      'context/Dockerfile': 'FROM x',
      'context/src/run.sh': 'echo'
    })
    expect(isComplete()).toBe(true)
  })
})

test('what a context leaves out is in no pod that builds, on a volume as well', () => {
  const [site, whole] = [siteOf('volume'), { ...plan, contextDirectory: `${PATHS.runnerWorkspace}/action` }]
  const filtered = { ...whole, isFiltered: true }
  expect(chooseContextTransfer(site, filtered).buildPod(filtered).volume).toHaveProperty('emptyDir')
  expect(chooseContextTransfer(site, whole).buildPod(whole).volume).not.toHaveProperty('emptyDir')
})

test('what changed since the plan was made is not built under the name of what was there', async () => {
  await writeFile(join(directory, 'src/run.sh'), 'echo "something else"')
  await expect(copyIn(KEPT)).rejects.toMatchObject({
    code: 'context-delivery-failed',
    message: expect.stringContaining('were changed while they were read')
  })
  expect(isComplete()).toBe(false)
})

test('without others who use it, an image is of what is there now', async () => {
  await writeFile(join(directory, 'src/run.sh'), 'echo "something else"')
  await copyIn()
  expect(filesIn(volume())).toMatchObject({ 'context/src/run.sh': 'echo "something else"' })
})
