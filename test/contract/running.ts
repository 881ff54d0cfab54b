/** The promises of Runner and Workspace, for every backend. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Backend, codeOf, GITHUB_MOUNTS, mountsBelow, runStep, withFiles } from './backend.ts'

/** Arguments that a shell, a command line or a careless quoting would spoil. */
const HARD_ARGS = [
  'two words',
  '',
  '$(id) `id` $HOME',
  '"double" \'single\'',
  'two\nlines',
  '--',
  '*',
  'trailing\\',
  ' '
]

const SHOW_ARGS = 'for argument; do printf "<%s>\\n" "$argument"; done'
const shown = (args: readonly string[]) => args.map((arg) => `<${arg}>\n`).join('')

export function describeRunner(backend: Backend): void {
  const shell = (script: string, ...args: string[]) => ({
    image: backend.run.base,
    entryPoint: 'sh',
    args: ['-c', script, 'sh', ...args]
  })
  const withEntryPoint = {
    Dockerfile: [
      `FROM ${backend.from.base}`,
      `ENTRYPOINT ["sh", "-c", ${JSON.stringify(`echo kept; ${SHOW_ARGS}`)}, "sh"]`,
      'CMD ["from CMD"]',
      ''
    ].join('\n')
  }

  describe(`runner: ${backend.name}`, () => {
    test.each([0, 5, 42, 125])('returns exit code %i', async (code) => {
      expect((await runStep(backend, shell(`exit ${code}`))).exitCode).toBe(code)
    })

    test('passes arguments exactly as they are', async () => {
      const { exitCode, log } = await runStep(backend, shell(SHOW_ARGS, ...HARD_ARGS))
      expect(log).toContain(shown(HARD_ARGS))
      expect(exitCode).toBe(0)
    })

    test('passes variables exactly as they are, over those of the image', async () => {
      const env = {
        PLAIN: 'value',
        EMPTY: '',
        HARD: 'a "b" $(c)\n\'d\' \\',
        HOME: '/github/home'
      }
      const script = 'printf "<%s>\\n" "$PLAIN" "${EMPTY-unset}" "$HARD" "$HOME"'
      const { log } = await runStep(backend, { ...shell(script), env })
      expect(log).toContain(shown([env.PLAIN, env.EMPTY, env.HARD, env.HOME]))
    })

    test('gives variables to a program even when no shell could name them', async () => {
      const env = { 'INPUT_WITH-DASH': 'x y' }
      const { log } = await runStep(backend, { image: backend.run.base, entryPoint: 'env', env })
      expect(log).toMatch(/^INPUT_WITH-DASH=x y$/m)
    })

    test('keeps ENTRYPOINT, and CMD when there are no arguments', async () => {
      expect((await runStep(backend, {}, withEntryPoint)).log).toContain(`kept\n${shown(['from CMD'])}`)
    })

    test('keeps ENTRYPOINT and replaces CMD by arguments', async () => {
      const { log } = await runStep(backend, { args: HARD_ARGS }, withEntryPoint)
      expect(log).toContain(`kept\n${shown(HARD_ARGS)}`)
    })

    test('replaces ENTRYPOINT, and CMD with it', async () => {
      const { log } = await runStep(backend, { entryPoint: 'echo', args: [] }, withEntryPoint)
      expect(log).not.toMatch(/kept|from CMD/)
    })

    test('runs an image from scratch that has no shell', async () => {
      const Dockerfile = [
        'FROM scratch',
        `COPY --from=${backend.from.base} /bin/busybox /busybox`,
        'ENTRYPOINT ["/busybox", "echo"]',
        ''
      ].join('\n')
      expect((await runStep(backend, { args: ['no', 'shell'] }, { Dockerfile })).log).toMatch(/^no shell$/m)
    })

    test('an entry point that is not in the image is start-failed', async () => {
      const run = runStep(backend, { image: backend.run.base, entryPoint: '/nowhere' })
      expect(await codeOf(run)).toBe('start-failed')
    })

    test('an image that does not exist is image-not-found', async () => {
      expect(await codeOf(runStep(backend, { image: backend.run.missing }))).toBe('image-not-found')
    })
  })
}

export function describeWorkspace(backend: Backend): void {
  describe(`workspace: ${backend.name}`, () => {
    test.each([0, 7])('the five directories are writable and come back after exit code %i', (code) =>
      withFiles({}, async (directory) => {
        for (const name of GITHUB_MOUNTS) {
          await mkdir(join(directory, name))
          await chmod(join(directory, name), 0o777)
          await writeFile(join(directory, name, 'given'), `given in ${name}\n`)
        }
        const script = `pwd; for d in ${GITHUB_MOUNTS.join(' ')}; do cat /github/$d/given > /github/$d/taken; done; exit ${code}`
        const { exitCode, log } = await runStep(backend, {
          image: backend.run.base,
          entryPoint: 'sh',
          args: ['-c', script],
          workingDirectory: '/github/workspace',
          mounts: mountsBelow(directory)
        })
        expect(exitCode).toBe(code)
        expect(log).toMatch(/^\/github\/workspace$/m)
        for (const name of GITHUB_MOUNTS) {
          expect(await readFile(join(directory, name, 'taken'), 'utf8')).toBe(`given in ${name}\n`)
        }
      })
    )
  })
}
