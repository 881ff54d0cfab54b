/** Dockerfile actions without any registry, built in the container that runs them: what an action sees, and what a build does not. */
import { describe, expect, it } from 'vitest'
import { dockerfile, installAction, program } from './support/actions.ts'
import { useRunnerPod } from './support/harness.ts'
import { type HookOptions, runCleanupJob, runContainerStep, startContainerStep } from './support/hook.ts'
import { canBuildInPlace, IMAGES } from './support/images.ts'
import { prepareJob } from './support/job.ts'
import { get } from './support/kubectl.ts'
import { errorsOf } from './support/leftovers.ts'
import { HOME, STORAGE_MODES, TEMP, WORKSPACE } from './support/runner-pod.ts'
import { runScript } from './support/script.ts'

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
/** The hook is installed, and nothing else is set up; the builder comes from no registry of the internet here. */
const WITHOUT_REGISTRY: HookOptions = {
  env: {
    [`${PREFIX}_REGISTRY_HOST`]: undefined,
    [`${PREFIX}_REGISTRY_PORT`]: undefined,
    [`${PREFIX}_REGISTRY_NODE_PORT`]: undefined,
    [`${PREFIX}_BUILDER_IMAGE`]: undefined,
    [`${PREFIX}_IN_PLACE_IMAGE`]: IMAGES.kanikoDebug
  }
}

const ODD = [
  'plain',
  'two words',
  '$HOME $(id) `id` *',
  "it's",
  'say "hi"',
  'C:\\dir\\\\file',
  '',
  '--x=a b',
  'grüße; exit 9 &'
]
const SECRET = 'correct-horse\nbattery "staple" $HOME'
const shown = (lines: readonly { readonly text: string }[]) => lines.map(({ text }) => text)

describe.skipIf(!(await canBuildInPlace())).each(STORAGE_MODES)('in place, storage mode %s', (mode) => {
  const runner = useRunnerPod(mode)
  const run = (directory: string, action: Omit<Parameters<typeof runContainerStep>[1], 'dockerfile'> = {}) =>
    runContainerStep(runner(), { dockerfile: `${directory}/Dockerfile`, ...action }, WITHOUT_REGISTRY)

  it('gets arguments and environment exactly, and its outputs and files are back on the runner', async () => {
    const directory = await installAction(runner(), 'full', {
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'COPY entry.sh /entry.sh', 'ENTRYPOINT ["/entry.sh"]'),
      'entry.sh': program(
        'printf "[%s]\\n" "$@"',
        'printf "%s" "$SECRET" > secret.txt',
        'tr "\\0" "\\n" < /proc/$$/environ | sed -n "/^INPUT_/p"',
        'echo "answer=42" >> "$GITHUB_OUTPUT"',
        'mkdir -p made && tr a-z A-Z < input.txt > made/output.txt',
        'echo more >> input.txt && rm stale.txt',
        'echo home > "$HOME/.made-by-action"',
        'echo "at $PWD"',
        'find /kaniko /workspace -type f ! -name started ! -name built 2>/dev/null | sed "s/^/there: /"; ls /busybox | wc -l | sed "s/^/tools: /"',
        'ls -d /etc/nsswitch.conf 2>/dev/null | sed "s/^/there: /"; sleep 2; find /busybox /kaniko -type f | sed "s/^/there: /"'
      )
    })
    await runner().write(WORKSPACE, { 'input.txt': 'text\n', 'stale.txt': 'old\n' })
    const step = await run(directory, { args: ODD, env: { SECRET, 'INPUT_WHO-TO-GREET': 'two words', INPUT_A: 'b' } })

    expect(step.exitCode, step.stdout).toBe(0)
    const printed = shown(step.lines)
    expect(printed.filter((text) => /^\[.*\]$/.test(text))).toEqual(ODD.map((arg) => `[${arg}]`))
    expect(printed.filter((text) => text.startsWith('INPUT_')).sort()).toEqual([
      'INPUT_A=b',
      'INPUT_WHO-TO-GREET=two words'
    ])
    expect(printed).toContain('at /github/workspace')
    expect(printed.filter((text) => text.startsWith('there: '))).toEqual([])
    expect(Number(printed.find((text) => text.startsWith('tools: '))?.slice('tools: '.length))).toBeLessThanOrEqual(10)
    expect(await runner().read(`${WORKSPACE}/secret.txt`)).toBe(SECRET)
    expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('answer=42')
    expect(await runner().read(`${WORKSPACE}/made/output.txt`)).toBe('TEXT')
    expect(await runner().read(`${WORKSPACE}/input.txt`)).toBe('text\nmore')
    expect(await runner().read(`${WORKSPACE}/stale.txt`)).toBeUndefined()
    expect(await runner().read(`${TEMP}/_github_home/.made-by-action`)).toBe('home')
    expect(errorsOf(step)).toEqual([])
  })

  it.each([0, 5, 42])(
    'ends the hook with its own exit code %i, and shows its own log only after the build',
    async (exits) => {
      const directory = await installAction(runner(), 'exits', {
        Dockerfile: dockerfile(
          IMAGES.busyboxByAddress,
          'RUN printf "an open line of the build"',
          `ENTRYPOINT ["sh", "-c", "echo out; echo err >&2; echo a=1 >> $GITHUB_OUTPUT; exit ${exits}"]`
        )
      })
      const step = await run(directory)
      expect(step.exitCode, step.stdout).toBe(exits)
      expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
      const printed = shown(step.lines)
      expect(printed.filter((text) => text === 'out' || text === 'err').sort()).toEqual(['err', 'out'])
      expect(printed.findIndex((text) => text.includes('an open line of the build'))).toBeLessThan(
        printed.indexOf('out')
      )
      expect(printed.filter((text) => text.includes('slipway: built'))).toEqual([])
      expect(errorsOf(step)).toEqual([])
    }
  )

  it('is the user that the image names, with its groups, and has no more rights than docker gives', async () => {
    const directory = await installAction(runner(), 'user', {
      Dockerfile: dockerfile(
        IMAGES.debianByAddress,
        'RUN groupadd -g 2000 more && useradd -m -u 1500 -G more app && mkdir /data && chown app /data',
        'USER app',
        'WORKDIR /data',
        'ENV FROM_IMAGE="a b"',
        'ENTRYPOINT ["sh", "-c", "id; echo $FROM_IMAGE; grep ^CapBnd /proc/self/status; cat /proc/1/comm; touch /data/mine && echo wrote"]'
      )
    })
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    const printed = shown(step.lines)
    expect(printed).toContain('uid=1500(app) gid=1500(app) groups=1500(app),2000(more)')
    expect(printed).toEqual(expect.arrayContaining(['a b', 'CapBnd:\t00000000a80425fb', 'sh', 'wrote']))
  })

  describe('with a process before the action', () => {
    const WITH_INIT = { env: { ...WITHOUT_REGISTRY.env, [`${PREFIX}_IN_PLACE_INIT`]: 'on' } }
    const actionOf = (...script: string[]) => ({
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'COPY entry.sh /entry.sh', 'ENTRYPOINT ["/entry.sh"]'),
      'entry.sh': program(...script)
    })
    const runWithInit = async (name: string, tree: ReturnType<typeof actionOf>, env: HookOptions['env'] = {}) => {
      const directory = await installAction(runner(), name, tree)
      const action = { dockerfile: `${directory}/Dockerfile` }
      return await runContainerStep(runner(), action, { env: { ...WITH_INIT.env, ...env } })
    }

    it.each([
      ['is told to have run out of memory', 'exec tail /dev/zero', 137, [expect.stringContaining('out of memory')]],
      ['has its own exit code where one of its programs has', 'tail /dev/zero; exit 3', 3, []]
    ])('%s', async (_what, script, code, errors) => {
      const limited = 'slipway: {step: {spec: {containers: [{name: $job, resources: {limits: {memory: 128Mi}}}]}}}\n'
      await runner().write(HOME, { 'limited.yaml': limited })
      const env = { ACTIONS_RUNNER_CONTAINER_HOOK_TEMPLATE: `${HOME}/limited.yaml` }
      const step = await runWithInit('memory', actionOf(`echo begun; ${script}`), env)
      expect(shown(step.lines)).toContain('begun')
      expect(step.exitCode, step.stdout).toBe(code)
      expect(errorsOf(step)).toEqual(errors)
    })

    it.each([
      ['0', 'exit 0', 0],
      ['42', 'exit 42', 42],
      ['of a signal', 'kill -KILL $$', 137]
    ])(
      'ends with its exit code %s, all of its log and its files, and with nothing of ours',
      async (_what, last, code) => {
        const step = await runWithInit(
          'init',
          actionOf(
            'echo out; echo err >&2; echo; echo "a=1" >> "$GITHUB_OUTPUT"',
            `[ $$ -ne 1 ] && echo "is another one"; sh -c 'kill -INT $$'; echo "interrupted: $?"`,
            'sleep 2; find /busybox /kaniko -type f | sed "s/^/there: /"; printf "no end of a line"',
            last
          )
        )
        expect(step.exitCode, step.stdout).toBe(code)
        expect(await step.fileCommand('GITHUB_OUTPUT')).toBe('a=1')
        const printed = shown(step.lines)
        expect(printed).toEqual(expect.arrayContaining(['out', 'err', 'is another one', 'interrupted: 130']))
        expect(printed.filter((text) => /there: |slipway: (built|ended)|^Killed/.test(text))).toEqual([])
        expect(printed.filter((text) => text.includes('no end of a line'))).toHaveLength(1)
      }
    )
  })

  it('may have several stages, and end FROM scratch without a shell', async () => {
    const directory = await installAction(runner(), 'scratch', {
      Dockerfile: [
        dockerfile(`${IMAGES.busyboxByAddress} AS tools`, 'RUN mkdir /out && cp /bin/busybox /out/echo'),
        dockerfile(
          'scratch',
          'COPY --from=tools /out/echo /echo',
          'COPY data /data',
          'ENTRYPOINT ["/echo", "from scratch:"]'
        )
      ].join(''),
      data: 'from the context'
    })
    const step = await run(directory, { args: ['one', 'two'] })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(shown(step.lines)).toContain('from scratch: one two')
  })

  it('gives a stage all that the one before has changed, rights and owners too', async () => {
    const directory = await installAction(runner(), 'from-stage', {
      Dockerfile: [
        dockerfile(
          `${IMAGES.busyboxByAddress} AS base`,
          'RUN mkdir -p /d && echo old > /d/f && touch -d "2001-01-01 00:00:00" /d/f'
        ),
        dockerfile(
          'base AS changed',
          'RUN chmod 4701 /d/f && chown 5:6 /d/f',
          'RUN echo new > /d/f && touch -d "2001-01-01 00:00:00" /d/f && chmod 4701 /d/f'
        ),
        dockerfile('changed', 'RUN true', `ENTRYPOINT ["sh", "-c", "stat -c '%a %u:%g' /d/f; cat /d/f"]`)
      ].join('')
    })
    const step = await run(directory)
    expect(step.exitCode, step.stdout).toBe(0)
    expect(shown(step.lines)).toEqual(expect.arrayContaining(['4701 5:6', 'new']))
  })

  it('shows a build neither the environment nor the files of the step, and nothing that it started is left', async () => {
    const directory = await installAction(runner(), 'secret', {
      Dockerfile: dockerfile(
        IMAGES.busyboxByAddress,
        'RUN (setsid sh -c "while :; do cat /proc/*/environ >> /seen 2>/dev/null; sleep 0.05; done" &) ; env > /env; until [ -e /seen ]; do sleep 0.05; done',
        `ENTRYPOINT ["sh", "-c", "echo begins; grep -c TOKEN-OF-STEP /seen /env; sleep 1; ps"]`
      )
    })
    const started = await startContainerStep(
      runner(),
      { dockerfile: `${directory}/Dockerfile`, env: { INPUT_TOKEN: 'TOKEN-OF-STEP' } },
      WITHOUT_REGISTRY
    )
    await started.line(/^Hand over: /)
    const pods = await get(['pods', '-n', runner().namespace])
    expect(JSON.stringify(pods)).not.toContain('TOKEN-OF-STEP')
    const step = await started.finished
    const printed = shown(step.lines)
    expect(step.exitCode, step.stdout).toBe(0)
    const action = printed.slice(printed.indexOf('begins'))
    expect(action.filter((text) => /^(?:\/|grep)/.test(text))).toEqual(['/seen:0', '/env:0'])
    expect(action.filter((text) => text.includes('while :;'))).toEqual([])
  })

  it('fails as a build does, in one line, and leaves nothing', async () => {
    const directory = await installAction(runner(), 'fails', {
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'RUN echo why it fails >&2; exit 3')
    })
    const step = await run(directory)
    expect(step.exitCode).toBe(1)
    expect(errorsOf(step)).toEqual([expect.stringMatching(/failed with exit code 3/)])
  })

  it('ends with 127 where the program is not there, as docker does', async () => {
    const directory = await installAction(runner(), 'absent', {
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'ENTRYPOINT ["/no/such/program"]')
    })
    expect((await run(directory)).exitCode).toBe(127)
  })

  it.each([
    ['building', 'RUN echo it builds; sleep 600', /it builds/],
    ['running', 'ENTRYPOINT ["sh", "-c", "echo it runs; sleep 600"]', /^it runs$/]
  ])('that is cancelled while it is %s leaves nothing', async (_when, line, said) => {
    const directory = await installAction(runner(), 'cancelled', {
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, line)
    })
    const step = await startContainerStep(runner(), { dockerfile: `${directory}/Dockerfile` }, WITHOUT_REGISTRY)
    await step.line(said)
    await step.signal('INT')
    expect((await step.finished).exitCode).toBe(130)
  })

  it('sees the files of the job container, and gives its own back there', async () => {
    const prepared = await prepareJob(runner(), { container: { image: IMAGES.debian } })
    const state = prepared.response?.state
    expect((await runScript(runner(), { run: 'echo from a script > of-script' })).exitCode).toBe(0)
    const directory = await installAction(runner(), 'in-job', {
      Dockerfile: dockerfile(IMAGES.busyboxByAddress, 'ENTRYPOINT ["sh", "-c", "cat of-script; echo back > of-action"]')
    })
    const step = await run(directory, state === undefined ? {} : { state })
    expect(step.exitCode, step.stdout).toBe(0)
    expect(shown(step.lines)).toContain('from a script')
    const seen = await runScript(runner(), { run: 'cat of-action' })
    expect(seen.stdout).toContain('back')
    await runCleanupJob(runner())
  })
})
