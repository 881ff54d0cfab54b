/** A build in place from its first line to its action, without a builder: the scripts run by this machine's shell, and by its busybox where it has one. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { handOverScript } from '../../../../src/effects/in-place/hand-over-script.ts'
import { BUILT_FILE_BYTES_MAX } from '../../../../src/effects/in-place/process.ts'
import { BUILT_BYTES_MAX, lengthOfBuilt, parseBuilt } from '../../../../src/effects/in-place/read-built.ts'
import { BECOMING, type Places, superviseScript } from '../../../../src/effects/in-place/scripts.ts'
import { startScript } from '../../../../src/effects/in-place/start-script.ts'
import { removeDirectory } from '../../../support/removed.ts'
import { TOOLS } from '../../../support/shell-tools.ts'

const MARKER = 'slipway-built-0123456789abcdef'

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when the words have been printed. */
  said(words: string): Promise<void>
}

describe.each(TOOLS)('with $title', ({ place }) => {
  let base = ''
  let places: Places
  let running: ChildProcess[] = []

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'slipway-in-place-'))
    places = {
      directory: join(base, 'builder/slipway'),
      builder: join(base, 'builder'),
      busybox: join(base, 'busybox'),
      root: join(base, 'root'),
      proc: join(base, 'proc')
    }
    for (const path of [places.directory, join(places.root, 'etc'), join(places.proc, 'self')]) {
      mkdirSync(path, { recursive: true })
    }
    write(join(places.proc, 'self/mountinfo'), '')
    place(places.busybox)
  })

  afterEach(async () => {
    for (const child of running) child.kill('SIGKILL')
    running = []
    await removeDirectory(base)
  })

  const write = (path: string, content: string | Uint8Array = '') => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }

  function start(args: readonly string[], stdin = ''): Running {
    const child = spawn(join(places.busybox, 'sh'), args)
    running.push(child)
    const output = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
    let heard = () => {}
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        output[name] = Buffer.concat([output[name], chunk])
        heard()
      })
    }
    // Who does not read to the end has its reasons.
    child.stdin.on('error', () => {}).end(stdin)
    const texts = () => ({ stdout: output.stdout.toString('latin1'), stderr: output.stderr.toString('latin1') })
    const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...texts() })))
    const said = (words: string) =>
      new Promise<void>((resolve) => {
        heard = () => texts().stdout.includes(words) && resolve()
        heard()
      })
    return { child, ended, said }
  }

  const supervise = (executor: string, waitSeconds = 20) =>
    start(['-c', superviseScript({ marker: MARKER, waitSeconds }, places), 'sh', '/bin/sh', '-c', executor, 'x', 'a b'])

  /** As if the process were PID 1. */
  const observe = ({ child }: Running) => symlinkSync(`/proc/${child.pid}`, join(places.proc, '1'))
  const isFirst = (...words: readonly string[]) => write(join(places.proc, '1/cmdline'), `${words.join('\0')}\0`)

  const handOver = (text: string, bytes = Buffer.byteLength(text)) =>
    start(['-ec', handOverScript(places)], `${bytes}\n${text}`).ended

  const scriptOf = (script: string, env = {}, end?: string) =>
    startScript(
      { argv: ['/bin/sh', '-c', script], env, workingDirectory: join(base, 'work'), user: { uid: 0, gid: 0 } },
      { places, end }
    )

  describe('the supervisor', () => {
    test('builds, says so, and becomes the action with its exit code', async () => {
      const build = supervise('echo "building $1"; printf unfinished; printf oops >&2')
      observe(build)
      await build.said(MARKER)
      expect(existsSync(join(places.directory, 'built'))).toBe(true)
      const handed = await handOver(
        scriptOf('echo "$GREETING"; while [ -e ../builder ]; do :; done; exit 7', { GREETING: 'hello' })
      )
      expect(handed).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^built - - -\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/)
      })
      expect(await build.ended).toEqual({
        code: 7,
        stdout: `building a b\nunfinished\n${MARKER}\nhello\n`,
        stderr: `oops\n${MARKER}\n`
      })
      expect(readdirSync(base).sort()).toEqual(['proc', 'root', 'work'])
    })

    test('ends as a build that fails', async () => {
      const { code, stdout, stderr } = await supervise('echo no; exit 3').ended
      expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: 'no\n', stderr: '' })
      expect(existsSync(join(places.directory, 'built'))).toBe(false)
    })

    test('waits for its order only so long', async () => {
      const { code, stderr } = await supervise(':', 0.1).ended
      expect(code).toBe(1)
      expect(stderr).toBe(`\n${MARKER}\nslipway: what was built was not started within 0.1 seconds\n`)
    })

    test.each(['with', 'without'])('leaves no open file to the action, %s a pipe that wakes it', async (pipe) => {
      if (pipe === 'without') rmSync(join(places.busybox, 'mkfifo'))
      const build = supervise(':')
      observe(build)
      await build.said(MARKER)
      expect(existsSync(join(places.directory, 'order'))).toBe(pipe === 'with')
      await handOver(
        scriptOf('for one in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$one ] || echo "$one is open"; done; echo ended')
      )
      expect((await build.ended).stdout).toBe(`\n${MARKER}\nended\n`)
    })

    test.each([
      ['exit 0', 0],
      ['exit 7', 7],
      ['printf "no end of a line"; exit 3', 3],
      ['kill -KILL $$', 137],
      ['kill -INT $$', 130],
      ['kill -TERM $$', 143]
    ])('says how the action ended where it stays before it, and ends so: %s', async (script, code) => {
      symlinkSync('/proc/self/stat', join(places.proc, 'self/stat'))
      const build = supervise(':')
      await build.said(MARKER)
      write(
        join(places.directory, 'start'),
        scriptOf(`echo "$GREETING"; echo late >&2; ${script}`, { GREETING: 'hello' }, 'END')
      )
      const unfinished = script.includes('printf') ? 'no end of a line' : ''
      expect(await build.ended).toEqual({
        code,
        stdout: `\n${MARKER}\nhello\n${unfinished}\nEND ${code}\n`,
        stderr: `\n${MARKER}\nlate\n\nEND ${code}\n`
      })
    })

    test('says who the action is where it stays before it, and leaves it no open file', async () => {
      symlinkSync('/proc/self/stat', join(places.proc, 'self/stat'))
      const build = supervise(':')
      await build.said(MARKER)
      const files = 'for one in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$one ] || echo "$one is open"; done'
      const started = join(places.directory, 'started')
      write(
        join(places.directory, 'start'),
        scriptOf(`${files}; [ "$(cat ${started})" = $$ ] && [ $PPID = ${build.child.pid} ]`, {}, 'END')
      )
      expect(await build.ended).toMatchObject({ code: 0, stdout: `\n${MARKER}\n\nEND 0\n` })
    })

    test('ends while it waits when it is told to', async () => {
      const build = supervise(':')
      await build.said(MARKER)
      build.child.kill('SIGTERM')
      expect((await build.ended).code).toBe(143)
    })

    test('starts nothing that the build has left there', async () => {
      const order = join(places.directory, 'start')
      const build = supervise(`echo 'echo planted' >'${order}'; mkdir '${places.directory}/started'`, 0.1)
      expect(await build.ended).toMatchObject({ code: 1, stdout: `\n${MARKER}\n` })
      expect(readdirSync(places.directory)).toEqual(['built', 'order'])
    })

    test("gives the action nothing of its own environment, and the build all of its container's", async () => {
      process.env.OF_THE_BUILDER = 'yes'
      const build = supervise('echo "<$OF_THE_BUILDER>"')
      delete process.env.OF_THE_BUILDER
      observe(build)
      await build.said(MARKER)
      await handOver(scriptOf('echo "<$OF_THE_BUILDER>"; while [ -e ../builder ]; do :; done'))
      expect((await build.ended).stdout).toBe(`<yes>\n\n${MARKER}\n<>\n`)
    })

    test("leaves nothing of the builder's image in the root, and everything else", async () => {
      const { root, busybox } = places
      mkdirSync(join(root, 'bin'))
      mkdirSync(join(root, 'workspace'))
      symlinkSync(`${busybox}/sh`, join(root, 'bin/sh'))
      write(join(root, 'etc/nsswitch.conf'))
      write(join(root, 'etc/hosts'))
      write(join(root, 'kept/file'))
      symlinkSync('kept/file', join(root, 'link'))
      await supervise('exit 1').ended
      expect(readdirSync(root, { recursive: true }).sort()).toEqual(['etc', 'etc/hosts', 'kept', 'kept/file', 'link'])
    })

    test("leaves a shell alone that is not the builder's", async () => {
      mkdirSync(join(places.root, 'bin'))
      symlinkSync('dash', join(places.root, 'bin/sh'))
      await supervise('exit 1').ended
      expect(readdirSync(join(places.root, 'bin'))).toEqual(['sh'])
    })
  })

  describe('a hand-over', () => {
    const BUILT = '2020-01-01T00:00:00Z\n'
    const NOTHING = 'built - - -\n'
    beforeEach(() => write(join(places.directory, 'built'), BUILT))
    const order = () => join(places.directory, 'start')

    test('is for nobody but root to read', async () => {
      isFirst(`${places.busybox}/sh`, '-c', 'x')
      const handing = handOver('a b\n')
      await expect.poll(() => existsSync(order()), { timeout: 5_000 }).toBe(true)
      expect(readFileSync(order(), 'utf8')).toBe('a b\n')
      expect(statSync(order()).mode & 0o777).toBe(0o600)
      isFirst('/action')
      await handing
    })

    test('that is cut off starts nothing', async () => {
      expect(await handOver('half', 8)).toMatchObject({
        code: 1,
        stdout: NOTHING,
        stderr: expect.stringContaining('cut off')
      })
      expect(readdirSync(places.directory)).toEqual(['built'])
    })

    test('takes no more than it was told of', async () => {
      isFirst(`${places.busybox}/sh`)
      const handing = handOver('whole and more', 5)
      await expect.poll(() => existsSync(order()) && readFileSync(order(), 'utf8'), { timeout: 5_000 }).toBe('whole')
      isFirst('/action')
      await handing
    })

    test.each([
      ['while it runs', () => write(join(places.directory, 'started')), BUILT],
      ['after all was removed', () => rmSync(join(places.directory, 'built')), '']
    ])('that is repeated %s starts nothing, and says so', async (_, before, time) => {
      before()
      isFirst(`${places.busybox}/sh`)
      const handing = handOver('again')
      await expect.poll(() => readdirSync(places.directory), { timeout: 1_000, interval: 200 }).not.toContain('start')
      isFirst('/action')
      expect(await handing).toMatchObject({ code: 0, stdout: `handed over\n${time}` })
      expect(readdirSync(base).sort()).toEqual(['proc', 'root'])
    })

    test('tells when the build ended', async () => {
      isFirst('/action')
      expect(await handOver('order')).toMatchObject({ code: 0, stdout: NOTHING + BUILT })
    })

    test('that nobody gives an order changes nothing', async () => {
      const { code, stdout } = await start(['-ec', handOverScript(places)]).ended
      expect({ code, stdout }).toEqual({ code: 0, stdout: NOTHING })
      expect(readdirSync(places.directory)).toEqual(['built'])
      expect(readdirSync(places.busybox)).toContain('env')
    })

    it.each<[string, () => readonly string[]]>([
      ['the shell', () => [`${places.busybox}/sh`, '/x/start']],
      ['the shell of su', () => ['sh', '-c', BECOMING, `${places.busybox}/env`]],
      ['nothing yet', () => ['']]
    ])('removes nothing before the action runs: %s', async (_, words) => {
      isFirst(...words())
      const handing = handOver('order')
      await expect.poll(() => existsSync(order()), { timeout: 5_000 }).toBe(true)
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(readdirSync(places.busybox)).toContain('env')
      isFirst('/action')
      expect(await handing).toMatchObject({ code: 0 })
      expect(readdirSync(base).sort()).toEqual(['proc', 'root'])
    })

    test('removes nothing before the action runs that the shell stays before', async () => {
      const second = (word: string) => write(join(places.proc, '77/cmdline'), `${word}\0`)
      isFirst(`${places.busybox}/sh`, '/x/start')
      const handing = handOver('order')
      await expect.poll(() => existsSync(order()), { timeout: 5_000 }).toBe(true)
      second(`${places.busybox}/env`)
      write(join(places.directory, 'started'), '77\n')
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(readdirSync(places.busybox)).toContain('env')
      second('/action')
      expect(await handing).toMatchObject({ code: 0 })
      expect(readdirSync(base).sort()).toEqual(['proc', 'root'])
    })

    test('keeps the shell for an action that is one of its programs', { timeout: 20_000 }, async () => {
      isFirst(`${places.busybox}/sh`, '-c', 'sleep 60')
      const handing = handOver('order')
      write(join(places.directory, 'started'))
      expect(await handing).toMatchObject({ code: 0 })
      expect(readdirSync(base).sort()).toEqual(['busybox', 'proc', 'root'])
    })

    test('goes into nothing that is mounted', async () => {
      const { directory, builder, busybox } = places
      const mounts = [busybox, join(directory, 'context'), join(builder, '.docker')]
      write(join(places.proc, 'self/mountinfo'), mounts.map((path) => `1 2 0:1 / ${path} rw - x y z\n`).join(''))
      write(join(directory, 'context/of others'))
      write(join(directory, 'layout/blob'))
      write(join(directory, '.hidden/..file'))
      write(join(builder, '.docker/config.json'))
      write(join(builder, 'executor'))
      symlinkSync(join(places.root, 'etc'), join(builder, 'link'))
      write(join(places.root, 'etc/kept'))
      isFirst('/action')
      expect(await handOver('order')).toMatchObject({ code: 0 })
      expect(readdirSync(builder, { recursive: true }).sort()).toEqual(
        ['.docker', '.docker/config.json', 'slipway', 'slipway/context', 'slipway/context/of others'].sort()
      )
      expect(existsSync(join(places.root, 'etc/kept'))).toBe(true)
    })
  })

  describe('what was built', () => {
    const DIGEST = `sha256:${'a'.repeat(64)}`
    const CONFIG = 'b'.repeat(64)
    const blob = (name: string) => join(places.directory, 'layout/blobs/sha256', name)
    const etc = (name: string) => join(places.root, 'etc', name)
    const read = async () => {
      const { code, stdout } = await start(['-ec', handOverScript(places)]).ended
      expect(code).toBe(0)
      const bytes = Buffer.from(stdout, 'latin1')
      expect(lengthOfBuilt(bytes)).toBe(bytes.length)
      return bytes
    }

    beforeEach(() => {
      write(join(places.directory, 'built'))
      write(join(places.directory, 'digest'), DIGEST)
      const config = {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: 1,
        digest: `sha256:${CONFIG}`
      }
      const layers = [{ mediaType: 'x', size: 2, digest: DIGEST }]
      write(blob('a'.repeat(64)), JSON.stringify({ schemaVersion: 2, mediaType: 'x', config, layers }))
      write(blob(CONFIG), JSON.stringify({ config: { User: 'app', Cmd: ['é'] } }))
    })

    test('is told with the files that name its users', async () => {
      write(etc('passwd'), 'app:x:1:1:::\nbuilt 1 1 1\n\0é')
      write(etc('group'))
      expect(parseBuilt(await read())).toEqual({
        config: { User: 'app', Cmd: ['é'] },
        passwd: 'app:x:1:1:::\nbuilt 1 1 1\n\0é',
        group: ''
      })
    })

    test('is told without files that it does not have', async () => {
      mkdirSync(etc('group'))
      symlinkSync('/dev/zero', etc('passwd'))
      expect(parseBuilt(await read())).toMatchObject({ passwd: undefined, group: undefined })
    })

    test('is refused where a file is too large', async () => {
      write(etc('group'), 'x'.repeat(BUILT_FILE_BYTES_MAX))
      expect(parseBuilt(await read()).group).toHaveLength(BUILT_FILE_BYTES_MAX)
      write(etc('group'), 'x'.repeat(BUILT_FILE_BYTES_MAX + 1))
      const bytes = await read()
      expect(() => parseBuilt(bytes)).toThrow(expect.objectContaining({ code: 'start-failed' }))
    })

    test('is never more than is said', async () => {
      for (const file of [blob(CONFIG), etc('passwd'), etc('group')]) write(file, 'x'.repeat(2 * BUILT_FILE_BYTES_MAX))
      const { length } = await read()
      expect(length).toBeLessThanOrEqual(BUILT_BYTES_MAX)
      expect(length).toBeGreaterThan(3 * BUILT_FILE_BYTES_MAX)
    })

    test.each([
      ['without a layout', () => rmSync(join(places.directory, 'layout'), { recursive: true })],
      ['without a configuration', () => rmSync(blob(CONFIG))],
      ['with another manifest', () => write(blob('a'.repeat(64)), '{"config":{"digest":"sha256:../../etc/passwd"}}')]
    ])('is lost %s', async (_, before) => {
      before()
      const bytes = await read()
      expect(() => parseBuilt(bytes)).toThrow(expect.objectContaining({ code: 'layout-lost' }))
    })

    test('may be written with blanks', async () => {
      const manifest = { config: { mediaType: 'x', digest: `sha256:${CONFIG}`, size: 1 } }
      write(blob('a'.repeat(64)), JSON.stringify(manifest, undefined, 2))
      expect(parseBuilt(await read()).config).toMatchObject({ User: 'app' })
    })
  })
})

it.each(['', 'built 1 - -\n', 'built - - -\n', 'built 2 - -\n{}x', 'built 99999999 - -\n', 'built 2 -\n{}', '\n', 'x'])(
  '%j is not what was built',
  (text) => {
    expect(() => parseBuilt(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: expect.stringMatching('layout-lost|start-failed') })
    )
  }
)

it.each([
  ['', undefined],
  ['built 1 -', undefined],
  ['built 1 - 20\n', 34],
  ['built 1 - 20\nx and more', 34],
  ['built 99999999 - -\n', BUILT_BYTES_MAX],
  ['something else\nand more', 15],
  ['x'.repeat(100), undefined],
  ['x'.repeat(101), 101]
])('of %j so much is what was built', (text, length) => {
  expect(lengthOfBuilt(Buffer.from(text))).toBe(length)
})
