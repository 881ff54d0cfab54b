/** Goal: which files a step has named in GITHUB_ARTIFACTS is seen as the runner sees it (2.336, CreateArtifactsFileCommand). */
import { expect, test } from 'vitest'
import { artifactsIn, isArtifactList } from '../../../../src/effects/work-tree/artifacts.ts'

const HEX = '0123456789abcdef'.repeat(4)

test.each<[string, readonly string[]]>([
  ['dist/app.tgz', ['repo/repo/dist/app.tgz']],
  ['  dist/with space \r', ['repo/repo/dist/with space']],
  ['dist/../a\ndist//a\na', ['repo/repo/a', 'repo/repo/dist/a']],
  ['file://dist/a\nFILE:///__w/repo/repo/b', ['repo/repo/dist/a', 'repo/repo/b']],
  ['# a comment\n\n   \n', []],
  ['name=value', []],
  ['https://example.com/a\noci://image@sha256:0', []],
  [`registry.example/image:1@sha256:${HEX}`, []],
  // The hash is too short for an image: a file of that name.
  ['image@sha256:0123', ['repo/repo/image@sha256:0123']],
  ['/__w/repo/repo/a\n/__w/_temp/b', ['repo/repo/a', '_temp/b']],
  ['/github/home/.cache/a', ['_temp/_github_home/.cache/a']],
  // What the runner itself cannot translate, since it asks the mounts of the job container.
  ['/github/workspace/a\n/etc/passwd\n/__w', []],
  // What is not the step's to hand over: files that the runner reads next, and other people's code.
  ['../../_temp/_runner_file_commands/set_env_2\n/github/workflow/event.json', []],
  ['/__w/_actions/owner/tool/v1/index.js\n../../../../etc/passwd', []]
])('%j', (list, paths) => expect(artifactsIn(list, 'repo/repo')).toEqual(paths))

test('no more than the runner takes', () => {
  const list = Array.from({ length: 600 }, (_, at) => `f${at}`).join('\n')
  expect(artifactsIn(list, 'repo/repo')).toHaveLength(500)
})

test('a list is told from what only looks like one', () => {
  const names = ['artifacts_1', 'artifacts_list_1', 'set_output_artifacts_1']
  expect(names.filter((name) => isArtifactList(`_temp/_runner_file_commands/${name}`))).toEqual(['artifacts_1'])
  expect(isArtifactList('repo/repo/artifacts_1')).toBe(false)
})
