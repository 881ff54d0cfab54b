/** docs/quickstart.md and docs/quickstart-registry.md, followed command by command from a clone, on the real cluster. */
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { makeRegistryDirectory, removeDeployments } from './support/deployment.ts'
import { FOLLOW_MS_MAX } from './support/documentation.ts'
import { canBuild, canBuildInPlace } from './support/images.ts'
import { followQuickstart, followQuickstartWithRegistry, makeClone, removeClone } from './support/quickstart.ts'

let clone = ''
beforeAll(async () => {
  clone = await makeClone()
})
// Before each try, so that one that failed in the middle can be repeated.
beforeEach(removeDeployments)
afterAll(async () => {
  await removeDeployments()
  await removeClone(clone)
})

describe.skipIf(!(await canBuildInPlace()))('docs/quickstart.md', () => {
  it('leads in five commands from a clone to a Dockerfile action that ran, without any registry, and leaves nothing', {
    timeout: FOLLOW_MS_MAX
  }, async () => {
    await followQuickstart(clone)
  })
})

describe.skipIf(!(await canBuild()))('docs/quickstart-registry.md', () => {
  it('leads on to an image that was built, pushed and pulled, and leaves nothing', {
    timeout: FOLLOW_MS_MAX
  }, async () => {
    await makeRegistryDirectory()
    await followQuickstartWithRegistry(clone)
  })
})
