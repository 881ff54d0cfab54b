/** Goal: what builds a Dockerfile is decided before the build, and said. Method: files that only one of the builders builds as docker does. */
import { describe, expect, it } from 'vitest'
import { chooseBuilder } from '../../../../src/effects/builders/choose.ts'
import { buildIdentity, chooseFor, inAuthorsWords } from '../../../../src/effects/builders/choose-for.ts'
import { CONSTRUCT_NAMES, CONSTRUCTS } from '../../../../src/effects/dockerfile/constructs.ts'

const kaniko = chooseBuilder({})
const buildkit = chooseBuilder({ builder: 'buildkit', builderDaemon: { address: 'tcp://b:1' } })
const SURROUNDINGS = {
  platform: { os: 'linux', architecture: 'amd64' },
  context: {
    links: new Map(),
    directories: new Map(),
    paths: new Set<string>(),
    archives: new Map(),
    special: new Map()
  }
}
const PLAIN = 'FROM a\nRUN b\n'
const ONLY_BUILDKIT = 'FROM a\nRUN --network=none b\n'
const ALONE = 'FROM a\nCOPY --chown=b c /d\n'
const HEREDOC = 'FROM a\nRUN <<EOF\nb\nEOF\n'

describe('with Kaniko', () => {
  it('gives what it builds rightly as it is, without a word', () => {
    expect(chooseFor([kaniko], PLAIN, SURROUNDINGS)).toEqual({ builder: kaniko, rewritten: undefined, notes: [] })
  })

  it('gives what it builds wrongly in other words, and says where', () => {
    const { rewritten, notes } = chooseFor([kaniko], HEREDOC, SURROUNDINGS)
    expect(rewritten?.text).toContain('RUN # <<#1')
    expect(notes).toEqual(['Line 2 of the Dockerfile, RUN <<EOF: given to kaniko in other words that mean the same'])
  })

  it('tells of a failure in the words of the author', () => {
    const { rewritten } = chooseFor(
      [kaniko],
      `SHELL ["/c"]\n${HEREDOC}SHELL ["/d"]\nRUN <<-X\n\tb $& 'c'\nX\n`,
      SURROUNDINGS
    )
    const failing = (given: string) =>
      kaniko.definition.classifyBuildFailure(
        inAuthorsWords(
          `INFO[0001] ${given}\nerror building image: failed to execute command: waiting for process to exit: exit status 7`,
          rewritten
        )
      ).message
    expect(failing('RUN # <<#1')).toMatch("'RUN <<EOF (line 3)' failed with exit code 7")
    expect(failing(`RUN ["/d","b $& 'c'\\n"]`)).toMatch("'RUN <<-X (line 7)' failed with exit code 7")
    expect(failing('RUN other')).toMatch("'RUN other' failed with exit code 7")
  })

  it('refuses during the build what only the image tells, in the same words', () => {
    const { rewritten } = chooseFor([kaniko], ALONE, SURROUNDINGS)
    const [{ given = '' } = {}] = rewritten?.words ?? []
    const log = `INFO[0001] ${given}\nerror building image: failed to execute command: waiting for process to exit: exit status 1`
    expect(kaniko.definition.classifyBuildFailure(inAuthorsWords(log, rewritten))).toMatchObject({
      code: 'not-supported',
      message:
        "Dockerfile, line 2: kaniko does not build 'COPY --chown=b' as docker does; name the group as well, such as --chown=app:app, or let BuildKit build (ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER)"
    })
  })

  it('ends before the build what it cannot build, with line, construct and two ways out', () => {
    const choosing = () => chooseFor([kaniko], ONLY_BUILDKIT, SURROUNDINGS)
    expect(choosing).toThrow(expect.objectContaining({ code: 'not-supported' }))
    expect(choosing).toThrow(
      "Dockerfile, line 2: kaniko does not build 'RUN --network=none' as docker does; leave the option out, or let BuildKit build (ACTIONS_RUNNER_CONTAINER_HOOKS_BUILDER)"
    )
  })
})

describe('with several', () => {
  it('takes the first one where that is right', () => {
    expect(chooseFor([kaniko, buildkit], HEREDOC, SURROUNDINGS).builder).toBe(kaniko)
  })

  it('takes the next one where only the image tells whether the first is right', () => {
    expect(chooseFor([kaniko, buildkit], ALONE, SURROUNDINGS).builder).toBe(buildkit)
  })

  it('takes the next one where the first is not, and says why', () => {
    const { builder, rewritten, notes } = chooseFor([kaniko, buildkit], ONLY_BUILDKIT, SURROUNDINGS)
    expect(builder).toBe(buildkit)
    expect(rewritten).toBeUndefined()
    expect(notes).toEqual([
      'kaniko does not build line 2 of the Dockerfile as docker does: RUN --network=none',
      'So buildkit builds it'
    ])
  })
})

it('has other names for images of what was written anew', () => {
  const names = [undefined, { text: 'FROM a' }, { text: 'FROM b' }].map((rewritten) => buildIdentity(kaniko, rewritten))
  expect(new Set(names).size).toBe(3)
})

it.each(CONSTRUCT_NAMES)('%s: there is a way to write it for every builder', (construct) => {
  expect(CONSTRUCTS[construct]).toMatch(/^[^\n]{10,120}$/)
})
