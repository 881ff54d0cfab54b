/** Goal: the process ends as it should on every path. Method: a small real process for each path, and its exit code. */
import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { removeDirectory } from '../../support/removed.ts'

const lifeline = new URL('../../../src/hooks/lifeline.ts', import.meta.url).pathname
let directory = ''
let count = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-lifeline-'))
})
afterAll(() => removeDirectory(directory))

interface Ending {
  readonly code: number | null
  readonly signal: string | null
  readonly output: string
  readonly seconds: number
}

/** Runs `live(process, WORK)`; calls `onOutput` with the process whenever it has written something. */
async function ending(
  work: string,
  onOutput: (child: ReturnType<typeof spawn>, output: string) => void = () => {}
): Promise<Ending> {
  const file = join(directory, `${++count}.cjs`)
  await build({
    stdin: {
      contents: `import { live } from '${lifeline}'\nlive(process, ${work})`,
      resolveDir: directory,
      loader: 'ts'
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: file
  })
  const startedAt = performance.now()
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data
      onOutput(child, output)
    })
  }
  return await new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, output, seconds: (performance.now() - startedAt) / 1_000 })
    })
  })
}

const errorsIn = (output: string) => output.split('\n').filter((line) => line.startsWith('::error::'))
const FOREVER = 'new Promise((resolve) => setInterval(() => {}, 1000))'

describe('the process of the hook', () => {
  it('exits with the code of its work', async () => {
    expect(await ending('async () => 0')).toMatchObject({ code: 0, output: '' })
    expect(await ending('async () => 42')).toMatchObject({ code: 42, output: '' })
  })

  it('writes everything before it exits, and does not wait for what is left open', async () => {
    const { code, output } = await ending(
      `async (life) => { setInterval(() => {}, 1000); life.reporter.line('x'.repeat(3_000_000)); return 3 }`
    )
    expect(code).toBe(3)
    expect(output.length).toBe(3_000_001)
  })

  it('never exits with 0 because there was nothing left to wait for', async () => {
    const { code, output } = await ending('() => new Promise(() => {})')
    expect(code).toBe(1)
    expect(errorsIn(output)).toEqual([expect.stringContaining('stopped before it was done')])
  })

  it('does not let anything else exit with 0 in its place', async () => {
    const { code, output } = await ending('async () => { process.exit(0) }')
    expect(code).toBe(1)
    expect(errorsIn(output)).toHaveLength(1)
  })

  it('fails with one annotation when its work rejects', async () => {
    const { code, output } = await ending(`async () => { throw new Error('broken') }`)
    expect(code).toBe(1)
    expect(errorsIn(output)).toEqual([expect.stringContaining('broken')])
  })

  it.each([
    ['an exception', `setTimeout(() => { throw new Error('broken') }, 10)`],
    ['a rejection', `setTimeout(() => { Promise.reject(new Error('broken')) }, 10)`]
  ])('stops its work, fails and says why once, after %s that nobody caught', async (_title, fault) => {
    const { code, output } = await ending(`async (life) => {
      ${fault}
      await new Promise((resolve) => { life.cancels.listen(resolve); setInterval(() => {}, 1000) })
      life.reporter.line('cleaned up')
      return 130
    }`)
    expect(code).toBe(1)
    expect(errorsIn(output)).toEqual([expect.stringContaining('broken')])
    expect(output).toContain('cleaned up')
  })

  it('passes every signal on as an order, and exits with what its work makes of it', async () => {
    const { code, output } = await ending(
      `async (life) => {
        setInterval(() => {}, 1000)
        let count = 0
        life.reporter.line('ready')
        return await new Promise((resolve) => life.cancels.listen(() => {
          count += 1
          life.reporter.line('order ' + count)
          if (count === 2) resolve(130)
        }))
      }`,
      (child, written) => {
        if (written.endsWith('ready\n')) child.kill('SIGINT')
        if (written.endsWith('order 1\n')) child.kill('SIGTERM')
      }
    )
    expect(output).toBe('ready\norder 1\norder 2\n')
    expect(code).toBe(130)
  })

  it('gives cancels that came early to who listens late', async () => {
    const { output } = await ending(
      `async (life) => {
        life.reporter.line('ready')
        await new Promise((resolve) => life.cancels.signal.addEventListener('abort', () => setTimeout(resolve, 10)) ?? setInterval(() => {}, 1000))
        let late = 0
        life.cancels.listen(() => { late += 1 })
        life.reporter.line('late cancels: ' + late)
        return 0
      }`,
      (child, written) => {
        if (written.endsWith('ready\n')) child.kill('SIGINT')
      }
    )
    expect(output).toContain('late cancels: 1')
  })

  it('forces the exit 7 s after the first order, and names what may remain', { timeout: 20_000 }, async () => {
    const { code, output, seconds } = await ending(
      `(life) => { life.mayRemain('pods of runner-abc'); life.reporter.line('ready'); return ${FOREVER} }`,
      (child, written) => {
        if (written.endsWith('ready\n')) child.kill('SIGINT')
      }
    )
    expect(code).toBe(130)
    expect(output).toContain('what may remain: pods of runner-abc')
    expect(seconds).toBeGreaterThan(6.9)
    expect(seconds).toBeLessThan(7.5 + 2.5)
  })

  it('goes on when nobody reads its output any more', async () => {
    const { code } = await ending(
      `async (life) => {
        life.reporter.line('ready')
        for (let count = 0; count < 50; count += 1) {
          await new Promise((resolve) => setTimeout(resolve, 10))
          life.reporter.line('more')
        }
        return 5
      }`,
      (child) => child.stdout?.destroy()
    )
    expect(code).toBe(5)
  })
})
