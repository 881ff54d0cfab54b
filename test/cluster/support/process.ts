/** Runs a program for the cluster suite and notes when each of its lines arrived. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

export interface Line {
  readonly text: string
  readonly stream: 'stdout' | 'stderr'
  /** Milliseconds since the program was started. */
  readonly atMs: number
}

export interface Finished {
  readonly exitCode: number
  /** Both streams, in the order in which the lines arrived. */
  readonly lines: readonly Line[]
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface ProcessOptions {
  readonly input?: string | Uint8Array | Readable
  readonly onLine?: (line: Line) => void
  /** The program is killed after this time, and the promise rejects. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 240_000

/** Resolves with whatever the exit code is; rejects when the program cannot be started or takes too long. */
export function runProcess(command: string, args: readonly string[], options: ProcessOptions = {}): Promise<Finished> {
  const { input, onLine, timeoutMs = TIMEOUT_MS } = options
  const startedAt = performance.now()
  const lines: Line[] = []
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    const deadline = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${describe(command, args)} took longer than ${timeoutMs / 1000} s:\n${textOf(lines)}`))
    }, timeoutMs)
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[stream] }).on('line', (text) => {
        const line = { text, stream, atMs: performance.now() - startedAt }
        lines.push(line)
        onLine?.(line)
      })
    }
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(deadline)
      resolve({
        exitCode: code ?? -1,
        lines,
        stdout: textOf(lines.filter(({ stream }) => stream === 'stdout')),
        stderr: textOf(lines.filter(({ stream }) => stream === 'stderr')),
        durationMs: performance.now() - startedAt
      })
    })
    // A program that does not read its input closes the pipe; its exit code says what happened.
    child.stdin.on('error', () => undefined)
    if (input instanceof Readable) input.pipe(child.stdin)
    else child.stdin.end(input)
  })
}

/** Like runProcess, but a program that fails is an error with its output in the message. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {}
): Promise<Finished> {
  const finished = await runProcess(command, args, options)
  if (finished.exitCode === 0) return finished
  throw new Error(`${describe(command, args)} exited with ${finished.exitCode}:\n${textOf(finished.lines)}`)
}

const SHOWN_MAX = 300
const describe = (command: string, args: readonly string[]) => [command, ...args].join(' ').slice(0, SHOWN_MAX)

const textOf = (lines: readonly Line[]) => lines.map(({ text }) => text).join('\n')
