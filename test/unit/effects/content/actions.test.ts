/** Goal: the actions of a job that bring a Dockerfile are found, within bounds and without following a link. Method: trees on the disk. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { dockerfileActionOf, findActions } from '../../../../src/effects/content/actions.ts'

let work = ''
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'slipway-actions-'))
})
afterEach(async () => await rm(work, { recursive: true }))

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(work, path)), { recursive: true })
  await writeFile(join(work, path), text)
}
const action = (image: string, using = 'docker') => `name: x\nruns:\n  using: ${using}\n  image: ${image}\n`

const actions = async () => await Promise.all((await findActions(work)).map((one) => dockerfileActionOf(work, one)))
const dockerfiles = async () => (await actions()).map((one) => one?.dockerfile.slice(work.length + 1))

test('actions with a Dockerfile are found, those that lie highest first', async () => {
  await put('_actions/b/deep/v1/some/path/action.yml', action("'docker/Build.dockerfile'"))
  await put('_actions/b/deep/v1/action.yml', 'runs:\n  using: node20\n  main: x.js\n')
  await put('_actions/z/top/v1/action.yaml', action('Dockerfile', "'Docker'"))
  await put('_actions/a/image/v1/action.yml', action('docker://alpine:3'))
  await put('_actions/a/none/v1/Dockerfile', 'FROM x\n')
  await put('repo/repo/action.yml', action('Dockerfile'))
  expect(await dockerfiles()).toEqual([
    undefined,
    '_actions/z/top/v1/Dockerfile',
    '_actions/b/deep/v1/some/path/docker/Build.dockerfile'
  ])
})

test('an action that runs before or after the others is used more than once', async () => {
  await put('_actions/a/a/v1/action.yml', action('Dockerfile'))
  await put('_actions/b/b/v1/action.yml', `${action('Dockerfile')}  post-entrypoint: /end.sh\n`)
  await put('_actions/c/c/v1/action.yml', `${action('Dockerfile')}  pre-entrypoint: x\n  post-entrypoint: 'y'\n`)
  await put('_actions/d/d/v1/action.yml', `${action('Dockerfile')}  pre-entrypoint:\n  post-entrypoint: ''\n`)
  expect((await actions()).map((one) => one?.uses)).toEqual([1, 2, 3, 1])
})

test('without any action there is nothing, and nothing fails', async () => {
  expect(await findActions(work)).toEqual([])
  await mkdir(join(work, '_actions'))
  expect(await findActions(work)).toEqual([])
})

test('what is no YAML, says nothing or is too large is no action', async () => {
  await put('_actions/a/a/v1/action.yml', 'runs: {using: docker, image: [')
  await put('_actions/a/b/v1/action.yml', 'runs:\n  using: docker\n')
  await put('_actions/a/c/v1/action.yml', 'using: docker\n')
  await put('_actions/a/d/v1/action.yml', `${action('Dockerfile')}#${'x'.repeat(64 * 1024)}`)
  expect(await dockerfiles()).toEqual([undefined, undefined, undefined])
})

test('links are not followed, and what lies too deep or in a package is not looked at', async () => {
  await put('elsewhere/action.yml', action('Dockerfile'))
  await mkdir(join(work, '_actions/a/a/v1'), { recursive: true })
  await symlink(join(work, 'elsewhere'), join(work, '_actions/a/a/v1/link'))
  await symlink(join(work, 'elsewhere/action.yml'), join(work, '_actions/a/a/v1/action.yml'))
  await put('_actions/a/a/v1/1/2/3/4/action.yml', action('Dockerfile'))
  await put('_actions/a/a/v1/node_modules/x/action.yml', action('Dockerfile'))
  expect(await findActions(work)).toEqual([])
})

test('of very many directories the rest is not looked at', async () => {
  for (let at = 0; at < 320; at += 1)
    await mkdir(join(work, `_actions/a/a/v1/d${String(at).padStart(3, '0')}`), { recursive: true })
  await put('_actions/a/a/v1/d001/action.yml', action('Dockerfile'))
  await put('_actions/a/a/v1/d319/action.yml', action('Dockerfile'))
  expect(await dockerfiles()).toEqual(['_actions/a/a/v1/d001/Dockerfile'])
})
