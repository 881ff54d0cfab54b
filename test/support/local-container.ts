/** A job container that is only a directory, a PATH and a shell of this computer, for the tests of script steps. */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import type { JobContainer } from '../../src/effects/kubernetes/script/connection.ts'
import { createReporter } from '../../src/effects/log/reporter.ts'
import { StepError } from '../../src/errors.ts'
import { removeDirectory } from './removed.ts'

/** What every image with a shell has. */
const NEEDED = ['cat', 'mkdir', 'mv', 'rm', 'sleep']
/** What an image may lack. */
const OPTIONAL = ['setsid', 'dd', 'find', 'base64', 'env']
/** What only the scripts of the tests use. */
const OF_TESTS = ['seq', 'head', 'tee', 'touch', 'ls']

export type ShellName = 'dash' | 'bash' | 'busybox'

const pathOf = (program: string): string | undefined => {
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** Shells of this computer; says loudly which ones are not tested. */
export function shellsHere(): readonly ShellName[] {
  return (['dash', 'bash', 'busybox'] as const).filter((name) => {
    const isHere = pathOf(name) !== undefined
    if (!isHere) process.stderr.write(`\n!!! SKIPPED: ${name} is not installed, so scripts are not tested with it.\n\n`)
    return isHere
  })
}

/** How one connection goes wrong. */
export interface Cut {
  /** After how many bytes of the shell's output. */
  readonly afterBytes: number
  /** Whether the container runtime kills the shell, too. */
  readonly killsShell: boolean
}

export interface LocalContainer {
  readonly container: JobContainer
  /** Stands for `/__w`. */
  readonly work: string
  /** Everything that was reported. */
  output(): string
  outputBytes(): Buffer
  /** The next connections are lost so; further ones are not. */
  cut(cuts: readonly Cut[]): void
  /** How many connections were opened. */
  readonly connections: () => number
  /** Processes whose command line has this word. */
  processesWith(word: string): readonly number[]
  remove(): Promise<void>
}

/**
 * `lacks`: programs that this image does not have. `pod`: what is seen when somebody looks. `lateCopy`: the node is so busy that
 * the process that keeps the script's output is late.
 */
export async function createLocalContainer(
  shell: ShellName,
  options: { readonly lacks?: readonly string[]; readonly pod?: V1Pod; readonly lateCopy?: boolean } = {}
): Promise<LocalContainer> {
  const root = await mkdtemp(join(tmpdir(), 'slipway-container-'))
  const bin = join(root, 'bin')
  const work = join(root, '__w')
  await mkdir(bin)
  await mkdir(join(work, '_temp'), { recursive: true })
  await mkdir(join(work, 'repo', 'repo'), { recursive: true })
  const program = (name: string) => (shell === 'busybox' ? pathOf('busybox') : pathOf(name)) ?? ''
  if (options.lateCopy) {
    const real = shell === 'busybox' ? `${pathOf(shell)} sh` : pathOf(shell)
    const late = `#!/bin/sh\ncase "$2" in *'exec cat'*) sleep 0.5 ;; esac\nexec ${real} "$@"\n`
    await writeFile(join(bin, 'sh'), late, { mode: 0o755 })
  } else await symlink(pathOf(shell) ?? '', join(bin, 'sh'))
  for (const name of [...NEEDED, ...OPTIONAL, ...OF_TESTS]) {
    if (!options.lacks?.includes(name)) await symlink(program(name), join(bin, name))
  }
  const chunks: Uint8Array[] = []
  const cuts: Cut[] = []
  let connections = 0

  const container: JobContainer = {
    namespace: 'here',
    pod: 'runner-workflow',
    reporter: createReporter((data) => chunks.push(Buffer.from(data))),
    isTouched: () => true,
    getPod: async () => options.pod ?? { status: { phase: 'Running' } },
    shell(stdin, stdout, signal) {
      connections += 1
      const cut = cuts.shift()
      // A session of its own, as a container runtime gives to every exec.
      const child = spawn(join(bin, 'sh'), [], { env: { PATH: bin, HOME: '/root' }, detached: true })
      stdin.on('data', (chunk: Buffer) => child.stdin.write(inContainer(chunk, work)))
      stdin.on('end', () => child.stdin.end())
      child.stdin.on('error', () => {})
      const stderr: Buffer[] = []
      child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
      return new Promise((resolve, reject) => {
        const hangUp = (reason: unknown) => {
          for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
          if (cut?.killsShell) child.kill('SIGKILL')
          reject(reason)
        }
        signal.addEventListener('abort', () => hangUp(signal.reason))
        let bytes = 0
        child.stdout.on('data', (chunk: Buffer) => {
          const allowed = cut === undefined ? chunk : chunk.subarray(0, Math.max(0, cut.afterBytes - bytes))
          bytes += chunk.length
          write(stdout, outOfContainer(allowed, work), reject)
          if (allowed.length < chunk.length) hangUp(new StepError('cluster-unreachable', 'the connection was cut'))
        })
        child.on('close', (code) => {
          resolve({ exitCode: code ?? 137, stderr: Buffer.concat(stderr).toString('utf8') })
        })
      })
    }
  }
  return {
    container,
    work,
    output: () => Buffer.concat(chunks).toString('utf8'),
    outputBytes: () => Buffer.concat(chunks),
    cut: (next) => void cuts.push(...next),
    connections: () => connections,
    processesWith,
    remove: () => removeDirectory(root)
  }
}

function write(stdout: Writable, chunk: Buffer, fail: (error: unknown) => void): void {
  if (chunk.length > 0) stdout.write(chunk, (error) => error && fail(error))
}

const replaced = (chunk: Buffer, from: string, to: string): Buffer =>
  chunk.includes(from) ? Buffer.from(chunk.toString('latin1').replaceAll(from, to), 'latin1') : chunk
const inContainer = (chunk: Buffer, work: string) => replaced(chunk, '/__w', work)
const outOfContainer = (chunk: Buffer, work: string) => replaced(chunk, work, '/__w')

function processesWith(word: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      if (!existsSync(`/proc/${pid}/cmdline`)) return false
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
      } catch {
        return false
      }
    })
    .map(Number)
}

export const randomWord = (): string => randomBytes(6).toString('hex')
