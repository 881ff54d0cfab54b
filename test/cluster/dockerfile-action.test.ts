/** A Dockerfile action on a real kubelet, built by a real builder: what it is given, what it gives back, what it may be. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { runContainerStep } from './support/hook.ts'
import { canBuild, IMAGES } from './support/images.ts'
import { errorsOf } from './support/leftovers.ts'
import { STORAGE_MODES, TEMP, WORK, WORKSPACE } from './support/runner-pod.ts'

const HARD_ARGS = [
  'plain',
  'two words',
  '$HOME $(id) `id` *',
  '$(HOME) $$(HOME) ${HOME}',
  "it's",
  'say "hi"',
  'C:\\dir\\\\file',
  '',
  '--name=a b',
  'grüße; exit 9 & | >'
]

const ECHO_ARGS = dockerfile(IMAGES.busyboxBase, 'ENTRYPOINT ["printf", "[%s]\\\\n"]')

describe.skipIf(!(await canBuild())).each(STORAGE_MODES)('a Dockerfile action, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)

  it('gets its arguments exactly, and its outputs and files are back on the runner', async () => {
    const directory = await installAction(runner(), 'full', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY entry.sh /entry.sh', 'ENTRYPOINT ["/entry.sh"]'),
      'entry.sh': program(
        'printf "[%s]\\n" "$@"',
        'echo "answer=42" >> "$GITHUB_OUTPUT"',
        'echo "KEPT=yes" >> "$GITHUB_ENV"',
        'echo "# Summary" >> "$GITHUB_STEP_SUMMARY"',
        'mkdir -p made && tr a-z A-Z < input.txt > made/output.txt',
        'echo more >> input.txt && rm stale.txt',
        'echo home > "$HOME/.made-by-action"',
        'grep -c opened "$GITHUB_EVENT_PATH"',
        'echo "$PWD $GITHUB_ACTIONS $CI"'
      )
    })
    await runner().write(WORKSPACE, { 'input.txt': 'text\n', 'stale.txt': 'old\n' })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, args: HARD_ARGS })

    expect(step.exitCode, step.stdout).toBe(0)
    const printed = step.lines.map(({ text }) => text)
    expect(printed.filter((text) => text.startsWith('[') && text.endsWith(']'))).toEqual(
      HARD_ARGS.map((arg) => `[${arg}]`)
    )
    expect(printed).toContain('/github/workspace true true')
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('answer=42')
    expect(await step.fileCommand('GITHUB_ENV')).toBe('KEPT=yes')
    expect(await step.fileCommand('GITHUB_STEP_SUMMARY')).toBe('# Summary')
    expect(await runner().read(`${WORKSPACE}/made/output.txt`)).toBe('TEXT')
    expect(await runner().read(`${WORKSPACE}/input.txt`)).toBe('text\nmore')
    expect(await runner().read(`${WORKSPACE}/stale.txt`)).toBeUndefined()
    expect(await runner().read(`${TEMP}/_github_home/.made-by-action`)).toBe('home')
    expect(errorsOf(step)).toEqual([])
  })

  it.each([5, 42])('ends the hook with its own exit code %i, and what it wrote before is kept', async (exitCode) => {
    const directory = await installAction(runner(), 'exits', {
      Dockerfile: dockerfile(
        IMAGES.busyboxBase,
        `ENTRYPOINT ["sh", "-c", "echo a=1 >> $GITHUB_OUTPUT; exit ${exitCode}"]`
      )
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(exitCode)
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
    expect(errorsOf(step)).toEqual([])
  })

  it('may have several stages, and end FROM scratch without a shell', async () => {
    const directory = await installAction(runner(), 'scratch', {
      Dockerfile: [
        dockerfile(
          `${IMAGES.busyboxBase} AS tools`,
          'RUN mkdir /out && cp /bin/busybox /out/echo && echo made > /out/data'
        ),
        dockerfile('tools AS unused', 'RUN echo not needed'),
        dockerfile(
          'scratch',
          'COPY --from=tools /out/echo /echo',
          'COPY data /data',
          'ENTRYPOINT ["/echo", "from scratch:"]'
        )
      ].join(''),
      data: 'from the context'
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, args: ['one', 'two'] })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.lines.map(({ text }) => text)).toContain('from scratch: one two')
  })

  it('does not get what .dockerignore excludes', async () => {
    const directory = await installAction(runner(), 'ignores', {
      Dockerfile: dockerfile(IMAGES.busyboxBase, 'COPY . /context', 'ENTRYPOINT ["find", "/context", "-type", "f"]'),
      '.dockerignore': '*.secret\n!kept.secret\nnode_modules\n',
      'kept.txt': 'a',
      'kept.secret': 'b',
      'left.secret': 'c',
      'node_modules/left/index.js': 'd'
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` })
    expect(step.exitCode, step.stdout).toBe(0)
    const found = step.lines
      .map(({ text }) => text)
      .filter((text) => /^\/context\/\S+(kept|left)|^\/context\/(kept|left)/.test(text))
    expect(found.sort()).toEqual(['/context/kept.secret', '/context/kept.txt'])
  })

  it.each([
    ['a Dockerfile.suffix', 'Dockerfile.foo', 'Dockerfile.foo'],
    ['a prefixed name in lower case', 'my.dockerfile', 'my.dockerfile'],
    ['a path with ..', 'docker/Dockerfile', 'docker/../docker/Dockerfile']
  ])('may be named by %s', async (_, file, path) => {
    const directory = await installAction(runner(), `named-${file.replaceAll('/', '-').toLowerCase()}`, {
      [file]: ECHO_ARGS
    })
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/${path}`, args: [file] })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.lines.map(({ text }) => text)).toContain(`[${file}]`)
  })

  it('may be part of the checked-out repository', async () => {
    await runner().write(`${WORKSPACE}/.github/actions/local`, { Dockerfile: ECHO_ARGS })
    const path = `${WORK}/repo/repo/.github/actions/local/Dockerfile`
    const step = await runContainerStep(runner(), { dockerfile: path, args: ['local'] })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.lines.map(({ text }) => text)).toContain('[local]')
  })

  it('may have its ENTRYPOINT replaced by action.yml', async () => {
    const directory = await installAction(runner(), 'replaced', { Dockerfile: ECHO_ARGS })
    const action = { dockerfile: `${directory}/Dockerfile`, entryPoint: '/bin/echo', args: ['instead', '%s'] }
    const step = await runContainerStep(runner(), action)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(step.lines.map(({ text }) => text)).toContain('instead %s')
  })

  it('needs a registry where it is to have one, and is told which variables name it', async () => {
    const directory = await installAction(runner(), 'nowhere', { Dockerfile: ECHO_ARGS })
    const names = ['HOST', 'PORT', 'NODE_PORT'].map((name) => `ACTIONS_RUNNER_CONTAINER_HOOKS_REGISTRY_${name}`)
    const env = {
      ...Object.fromEntries(names.map((name) => [name, undefined])),
      ACTIONS_RUNNER_CONTAINER_HOOKS_BUILD_MODE: 'registry'
    }
    const step = await runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, { env })
    expect(step.exitCode).not.toBe(0)
    expect(errorsOf(step)).toHaveLength(1)
    for (const name of names) expect(errorsOf(step)[0]).toContain(name)
  })
})
