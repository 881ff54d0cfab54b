/** Script steps on real shells: what they are given, what comes out, and that they run once whatever the connection does. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createScriptHost } from '../../../../../src/effects/kubernetes/script/host.ts'
import { createScriptJanitor } from '../../../../../src/effects/kubernetes/script/janitor.ts'
import { randomHex } from '../../../../../src/effects/system.ts'
import type { ScriptRequest } from '../../../../../src/machines/types.ts'
import {
  createLocalContainer,
  type LocalContainer,
  randomWord,
  type ShellName,
  shellsHere
} from '../../../../support/local-container.ts'
import { toCleanUp } from '../../../../support/port-inputs.ts'

const shells = shellsHere()
const endless = new AbortController().signal
const CONNECTIONS_MAX = 200

/** Tests run side by side: most of their time is waiting. */
const opened: LocalContainer[] = []
afterAll(async () => void (await Promise.all(opened.map((local) => local.remove()))))

type Options = Parameters<typeof createLocalContainer>[1]

async function open(shell: ShellName, options?: Options): Promise<LocalContainer> {
  const local = await createLocalContainer(shell, options)
  opened.push(local)
  return local
}

const scriptOf = (request: Partial<ScriptRequest>): ScriptRequest => ({
  id: randomWord(),
  entryPoint: 'sh',
  args: [],
  env: {},
  prependPath: [],
  workingDirectory: '/',
  ...request
})

const hostOf = ({ container, work }: LocalContainer) =>
  createScriptHost({
    variables: async () => ({}),
    container: async () => container,
    isCopied: async () => false,
    paths: { runnerWorkspace: `${work}/repo`, runnerTemp: `${work}/_temp`, githubWorkspace: `${work}/repo/repo` },
    hashFiles: [],
    copyInAction: () => Promise.reject(new Error('no action is missing')),
    copyOutArtifacts: () => Promise.reject(new Error('nothing is copied here')),
    randomHex
  })

/** Runs `sh -c program`, with a new connection whenever one is lost, as the machine does. */
async function run(local: LocalContainer, program: string, request: Partial<ScriptRequest> = {}): Promise<number> {
  const host = hostOf(local)
  const script = scriptOf({ args: ['-c', program], ...request })
  for (;;) {
    try {
      const { exitCode } = await host.execute(script, endless)
      expect(leftIn(local)).toEqual([])
      return exitCode
    } catch (error) {
      if (!(error as { retryable?: boolean }).retryable || local.connections() > CONNECTIONS_MAX) throw error
    }
  }
}

const leftIn = ({ work }: LocalContainer) => readdirSync(join(work, '_temp')).filter((name) => name.startsWith('.slip'))

describe.concurrent.each(shells)('a script, with %s as the shell', (shell) => {
  test.each([0, 1, 5, 42, 127, 255])('exits with its own code %i', async (code) => {
    const local = await open(shell)
    expect(await run(local, `echo before; exit ${code}`)).toBe(code)
    expect(local.output()).toBe('before\n')
  })

  test.each([
    ['KILL', 137],
    ['TERM', 143],
    ['INT', 130]
  ])('that is killed by SIG%s exits with %i', async (signal, code) => {
    const local = await open(shell)
    expect(await run(local, `kill -${signal} $$`)).toBe(code)
  })

  test('that does not exist exits with 127 and says so', async () => {
    const local = await open(shell)
    expect(await run(local, '', { entryPoint: 'no-such-program', args: [] })).toBe(127)
    expect(local.output()).toContain('no-such-program')
  })

  test('shows stdout and stderr in the order in which they were written', async () => {
    const program = 'for i in 1 2 3; do echo out $i; echo err $i >&2; done'
    const local = await open(shell)
    await run(local, program)
    expect(local.output()).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n')
  })

  test('may open /dev/stdout and /dev/stderr for writing without losing what it wrote before', async () => {
    const local = await open(shell)
    await run(local, 'echo 1; echo 2 >/dev/stderr; echo 3 >/dev/stdout; echo 4 | tee /dev/stderr; echo 5')
    expect(local.output().trim().split('\n').toSorted()).toEqual(['1', '2', '3', '4', '4', '5'])
  })

  test('shows every byte, and an end without a newline', async () => {
    const bytes = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, at) => at)), Buffer.from('\x1e\x1eend')])
    const local = await open(shell)
    await writeFile(join(local.work, 'bytes'), bytes)
    expect(await run(local, 'cat /__w/bytes')).toBe(0)
    expect(local.outputBytes()).toEqual(bytes)
  })

  test('shows 20,000 lines in order', async () => {
    const local = await open(shell)
    await run(local, 'seq 20000')
    expect(local.output()).toBe(Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(''))
  })

  test('reads nothing from stdin', async () => {
    const local = await open(shell)
    await run(local, 'cat; echo end')
    expect(local.output()).toBe('end\n')
  })

  test('ends when its main process ends, though something of it runs on and writes', async () => {
    const word = `30.${Number.parseInt(randomWord(), 16)}`
    const local = await open(shell)
    const startedAt = performance.now()
    expect(
      await run(local, `(while sleep 0.01; do echo noise; done; sleep ${word}) & sleep ${word} & echo main; exit 3`)
    ).toBe(3)
    // What runs on would end by itself only after 30 s.
    expect(performance.now() - startedAt).toBeLessThan(25_000)
    expect(local.output()).toMatch(/^(noise\n)*main\n(noise\n)*$/)
    const running = local.processesWith(word)
    expect(running.length).toBeGreaterThan(0)
    for (const pid of running) process.kill(pid, 'SIGKILL')
  }, 40_000)

  test('that goes on in the background can still write after the step', async () => {
    const local = await open(shell)
    const file = join(local.work, 'survived')
    await run(local, `(sleep 0.3; echo late; sleep 0.1; echo later; echo yes >/__w/survived) & echo main`)
    for (let wait = 0; wait < 50 && !existsSync(file); wait += 1) await new Promise((done) => setTimeout(done, 50))
    expect(await readFile(file, 'utf8')).toBe('yes\n')
  })

  test.each(['INT', 'TERM', 'QUIT', 'HUP'])('starts with SIG%s as it is for every new program', async (signal) => {
    // A shell can trap only what was not ignored when it was started.
    const local = await open(shell)
    await run(local, `trap 'echo trapped' ${signal}; kill -${signal} $$; echo end`)
    expect(local.output()).toBe('trapped\nend\n')
  })

  test('may kill its whole process group', async () => {
    const local = await open(shell)
    expect(await run(local, 'echo before; kill -TERM 0; sleep 5; echo after')).toBe(143)
    expect(local.output()).toBe('before\n')
  })

  test('may remove the temporary directory while it runs', async () => {
    const local = await open(shell)
    await run(local, 'rm -rf /__w/_temp; echo removed; sleep 0.2; echo end; mkdir /__w/_temp')
    expect(local.output()).toBe('removed\nend\n')
  })

  test('may remove it before anybody keeps its output', async () => {
    const local = await open(shell, { lateCopy: true })
    expect(await run(local, 'rm -rf /__w/_temp; seq 20000; mkdir /__w/_temp; exit 7')).toBe(7)
    expect(local.output()).toBe(Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(''))
  })

  test('is given every argument as it is, without expansion', async () => {
    const args = [
      '$HOME',
      '$(echo x)',
      '`echo x`',
      '*',
      "it's",
      '"quoted"',
      'a  b',
      'back\\slash',
      '',
      'line\nbreak',
      '-n',
      'ü€'
    ]
    const local = await open(shell)
    await run(local, '', { args: ['-c', 'for i in "$@"; do echo "<$i>"; done', 'name', ...args] })
    expect(local.output()).toBe(args.map((arg) => `<${arg}>\n`).join(''))
  })

  test('is given every variable as it is, whatever its name', async () => {
    const values = ['$HOME', '$(echo x)', '`echo x`', "it's", '"', 'a\nb\n', '\\', '', ' x ', '\u00fc\u20ac']
    const env = {
      ...Object.fromEntries(values.map((value, index) => [`VALUE_${index}`, value])),
      'INPUT_MY-NAME': 'dash $x',
      'INPUT_WITH SPACE': 'sp ace',
      OPTIND: 'text',
      UID: 'text',
      IFS: 'x',
      HOME: '/github/home'
    }
    const local = await open(shell)
    await run(local, '', {
      entryPoint: process.execPath,
      args: ['-e', 'console.log(JSON.stringify(process.env))'],
      env
    })
    expect(JSON.parse(local.output())).toMatchObject(env)
  })

  test('finds programs in the prepended directories first', async () => {
    const local = await open(shell)
    await run(local, 'echo "$PATH"', { prependPath: ['/first dir', '/second'] })
    expect(local.output()).toMatch(/^\/first dir:\/second:\/\S+\/bin\n$/)
  })

  test('prepends to a PATH that the step sets', async () => {
    const local = await open(shell)
    const PATH = join(local.work, '..', 'bin')
    await run(local, 'echo "$PATH"', { prependPath: ['/first'], env: { PATH } })
    expect(local.output()).toBe(`/first:${PATH}\n`)
  })

  test('runs in its working directory, whatever its name', async () => {
    const local = await open(shell)
    await mkdir(join(local.work, "it's $here"))
    await run(local, 'pwd', { workingDirectory: "/__w/it's $here" })
    expect(local.output()).toBe(`/__w/it's $here\n`)
  })

  test('whose working directory is missing is not run', async () => {
    const local = await open(shell)
    await expect(run(local, 'echo ran', { workingDirectory: '/no/such' })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('/no/such')
    })
    expect(local.output()).toBe('')
    expect(leftIn(local)).toEqual([])
  })

  test('has the umask of the container', async () => {
    const local = await open(shell)
    await run(local, 'umask')
    expect(Number.parseInt(local.output(), 8)).toBe(process.umask())
  })

  test('leaves no variable of ours and no open file', async () => {
    const local = await open(shell)
    const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' })
    await run(local, 'ls /proc/self/fd; exec env')
    const [descriptors, variables] = [local.output().match(/^\d+$/gm), local.output().match(/^\w+(?==)/gm)]
    expect(descriptors?.toSorted()).toEqual(stdout.match(/^\d+$/gm)?.toSorted())
    expect(variables?.filter((name) => !['PATH', 'HOME', 'PWD', 'OLDPWD', '_', 'SHLVL'].includes(name))).toEqual([])
  })

  test('runs where the image has no setsid, dd, find, base64 or env', async () => {
    const local = await open(shell, { lacks: ['setsid', 'dd', 'find', 'base64', 'env'] })
    local.cut([{ afterBytes: 70_000, killsShell: false }])
    expect(await run(local, 'seq 20000; kill -TERM 0; exit 7')).toBe(143)
    expect(local.output()).toBe(Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join(''))
    expect(local.connections()).toBeGreaterThan(1)
  })
})

/** The output of a script that also notes every start. */
const NUMBERED = 'echo run >>/__w/starts; seq 4000; sleep 0.3; seq 4001 8000; printf end; exit 9'
const EXPECTED = `${Array.from({ length: 8_000 }, (_, at) => `${at + 1}\n`).join('')}end`

describe.concurrent.each(shells)('a script whose connection is lost, with %s as the shell', (shell) => {
  const startsIn = (local: LocalContainer) => readFile(join(local.work, 'starts'), 'utf8')

  test.each([0, 1, 30, 41, 48, 60, 5_000, 18_893, 20_000, 38_900, 38_940, 38_990])(
    'after %i bytes runs once, and its log is whole',
    async (afterBytes) => {
      const local = await open(shell)
      local.cut([{ afterBytes, killsShell: false }])
      expect(await run(local, NUMBERED)).toBe(9)
      expect(local.output()).toBe(EXPECTED)
      expect(await startsIn(local)).toBe('run\n')
    }
  )

  test('again and again, with its shell killed each time, runs once, and its log is whole', async () => {
    const local = await open(shell)
    const points = Array.from({ length: 25 }, (_, at) => 1 + ((at * 7_919) % 3_000))
    local.cut(points.map((afterBytes) => ({ afterBytes, killsShell: true })))
    expect(await run(local, NUMBERED)).toBe(9)
    expect(local.output()).toBe(EXPECTED)
    expect(await startsIn(local)).toBe('run\n')
    expect(local.connections()).toBeGreaterThan(10)
  })

  test('with more than a block received is not sent that again', async () => {
    const local = await open(shell)
    local.cut([{ afterBytes: 1_000_000, killsShell: false }])
    let received = 0
    const { container } = local
    const counted: LocalContainer = {
      ...local,
      container: {
        ...container,
        shell(stdin, stdout, signal) {
          const { write } = stdout
          stdout.write = (...args: unknown[]) => {
            received += (args[0] as Buffer).length
            return write.apply(stdout, args as never)
          }
          return container.shell(stdin, stdout, signal)
        }
      }
    }
    await run(counted, 'seq 200000')
    const whole = Array.from({ length: 200_000 }, (_, at) => `${at + 1}\n`).join('')
    expect(local.output() === whole).toBe(true)
    expect(received).toBeLessThan(whole.length + 2 * 65_536)
  })

  test('and whose files are gone meanwhile is not started again', async () => {
    const local = await open(shell)
    local.cut([{ afterBytes: 60, killsShell: false }])
    const program = 'echo run >>/__w/starts; rm -rf /__w/_temp/.slipway*; echo removed; sleep 0.3; seq 100'
    await expect(run(local, program)).rejects.toMatchObject({ code: 'run-lost' })
    expect(await startsIn(local)).toBe('run\n')
  })
})

describe.concurrent.each(shells)('a script that is ended, with %s as the shell', (shell) => {
  /** Starts a script and ends it after it has said `ready`. */
  async function end(program: string, options?: Options): Promise<{ local: LocalContainer; elapsedMs: number }> {
    const local = await open(shell, options)
    const stopping = new AbortController()
    const script = scriptOf({ args: ['-c', program] })
    const running = hostOf(local).execute(script, stopping.signal)
    running.catch(() => {})
    while (!local.output().includes('ready')) await new Promise((done) => setTimeout(done, 10))
    stopping.abort()
    await expect(running).rejects.toThrow()
    const janitor = createScriptJanitor({ container: async () => local.container, randomHex })
    const startedAt = performance.now()
    await janitor.cleanUp(toCleanUp([{ kind: 'process', name: script.id }]), endless)
    const elapsedMs = performance.now() - startedAt
    // Once more is no failure.
    await janitor.cleanUp(toCleanUp([{ kind: 'process', name: script.id }]), endless)
    return { local, elapsedMs }
  }

  const wordFor = () => `60.${Number.parseInt(randomWord(), 16)}`

  test.each([['setsid'], ['nothing of that kind']])(
    'is gone with everything it started, in an image with %s',
    async (has) => {
      const word = wordFor()
      const options = has === 'setsid' ? {} : { lacks: ['setsid'] }
      const { local, elapsedMs } = await end(
        `sleep ${word} & (sleep ${word} & sleep ${word}) & echo ready; sleep ${word}`,
        options
      )
      expect(local.processesWith(word)).toEqual([])
      expect(elapsedMs).toBeLessThan(1_900)
    }
  )

  test('is gone with what has left its session', async () => {
    const word = wordFor()
    const { local } = await end(`setsid sleep ${word} & echo ready; sleep ${word}`)
    expect(local.processesWith(word)).toEqual([])
  })

  test('may end by itself first', async () => {
    const file = `/tmp/slipway-${randomWord()}`
    await end(`trap 'echo cleaned >${file}; exit' TERM; echo ready; while :; do sleep 0.05; done`)
    expect(await readFile(file, 'utf8')).toBe('cleaned\n')
    await rm(file)
  })

  test('is killed when it does not', async () => {
    const word = wordFor()
    const { local, elapsedMs } = await end(
      `trap '' TERM; sleep ${word} & echo ready; while :; do sleep 0.05; done; : ${word}`
    )
    expect(local.processesWith(word)).toEqual([])
    expect(elapsedMs).toBeGreaterThan(1_800)
    expect(elapsedMs).toBeLessThan(9_000)
  })

  test('before its start has arrived does not start any more', async () => {
    const local = await open(shell)
    const script = scriptOf({ args: ['-c', 'echo run >/__w/starts'] })
    const janitor = createScriptJanitor({ container: async () => local.container, randomHex })
    await janitor.cleanUp(toCleanUp([{ kind: 'process', name: script.id }]), endless)
    await expect(hostOf(local).execute(script, AbortSignal.timeout(1_000))).rejects.toThrow()
    expect(existsSync(join(local.work, 'starts'))).toBe(false)
  })
})

describe.concurrent.each(shells)('a script whose watching processes were killed, with %s as the shell', (shell) => {
  test('together with itself fails, and says that its exit code is unknown', async () => {
    const local = await open(shell)
    // The parent of the script's session leader is what waits for it.
    const program = 'read -r stat </proc/$$/stat; set -- ${stat##*) }; kill -KILL $2; echo alone; sleep 0.2'
    await expect(run(local, program)).rejects.toMatchObject({ code: 'run-lost' })
    expect(local.output()).toContain('alone')
  }, 20_000)
})
