/** ScriptHost on the job pod: one exec per connection, which starts the script or joins it, and shows its log exactly once. */
import { StepError } from '../../../errors.ts'
import type { ScriptHost } from '../../../machines/ports.ts'
import type { ScriptRequest } from '../../../machines/types.ts'
import type { Reporter } from '../../log/reporter.ts'
import { isArtifactList } from '../../work-tree/artifacts.ts'
import { type RunnerPaths, workDirectoryOf } from '../../work-tree/layout.ts'
import { openFileCommands } from '../../work-tree/rights.ts'
import { type Connection, converse, type JobContainer } from './connection.ts'
import { explain, shellFailure } from './failures.ts'
import type { CopiedOut } from './files.ts'
import type { FrameListener } from './frames.ts'
import { SKIP_BLOCK_BYTES } from './program.ts'
import { COMMANDS, type Exchange, sessionText } from './session.ts'

/** Longer than anybody could guess. */
const NONCE_LENGTH = 32
const MISSING_ACTION = 'action '

export interface ScriptHostOptions {
  /** Variables of the job container that its scripts get from us. */
  readonly variables: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>
  /** Looked up when the first connection is made, so that failures are a stage's. */
  readonly container: () => Promise<JobContainer>
  /** Whether the job pod has a work volume of its own, so that files have to be moved. */
  readonly isCopied: (signal: AbortSignal) => Promise<boolean>
  readonly paths: RunnerPaths
  /** Basenames, with wildcards, of the files that the workflow computes hashes of. */
  readonly hashFiles: readonly string[]
  /** Sends an action, by its path in the job container, from the runner's disk to the job pod. */
  readonly copyInAction: (path: string, signal: AbortSignal) => Promise<void>
  /** Brings what the script names in these lists, relative to the work directory, from the job pod to the runner's disk. */
  readonly copyOutArtifacts: (lists: readonly string[], signal: AbortSignal) => Promise<void>
  readonly randomHex: (length: number) => string
}

/** What is known of one script, over all connections. */
interface Progress {
  readonly nonce: string
  /** Copy mode only. */
  readonly copied?: { readonly exchange: Exchange; copiedOut: CopiedOut; readonly renew: () => CopiedOut } | undefined
  /** Bytes of the log that were shown. */
  shown: number
  started: boolean
  exitCode?: number
  /** Nothing more is needed from the container, but it has not said yet that it has cleaned up. */
  received: boolean
  /** The container has cleaned up. */
  done: boolean
  /** Path of an action that has to be copied in before the script can be started. */
  missingAction?: string | undefined
  /** Permanent, whatever the connection does. */
  failure?: StepError
}

export function createScriptHost(options: ScriptHostOptions): ScriptHost {
  const scripts = new Map<string, Progress>()

  return {
    async execute(asked, signal) {
      const container = await options.container()
      const request = { ...asked, env: { ...(await options.variables(signal)), ...asked.env } }
      let progress = scripts.get(request.id)
      if (progress === undefined) {
        progress = await begin(options, request, container, signal)
        scripts.set(request.id, progress)
      }
      if (!progress.done) await connect(container, request, progress, signal)
      // Each one can be missing once.
      for (const _ of progress.copied?.exchange.actions ?? []) {
        if (progress.missingAction === undefined) break
        await options.copyInAction(progress.missingAction, signal)
        progress.missingAction = undefined
        await connect(container, request, progress, signal)
      }
      if (progress.missingAction !== undefined) throw notStarted(request, `action ${progress.missingAction}`)
      const lists = (await progress.copied?.copiedOut.write(options.paths))?.filter(isArtifactList) ?? []
      if (lists.length > 0) await options.copyOutArtifacts(lists, signal)
      // `done` without an exit code does not happen: the commands that lead to it follow on the code.
      return { exitCode: progress.exitCode as number }
    }
  }
}

async function begin(
  options: ScriptHostOptions,
  request: ScriptRequest,
  container: JobContainer,
  signal: AbortSignal
): Promise<Progress> {
  const state = { nonce: options.randomHex(NONCE_LENGTH), shown: 0, started: false, received: false, done: false }
  if (!(await options.isCopied(signal))) {
    // The runner makes them for its own user before every step.
    await openFileCommands(workDirectoryOf(options.paths))
    return state
  }
  const { createCopiedOut, readExchange } = await import('./files.ts')
  const exchange = await readExchange(request, options.paths, options.hashFiles)
  const renew = () => createCopiedOut(exchange, container.reporter.warning)
  return { ...state, copied: { exchange, copiedOut: renew(), renew } }
}

/** Resolves when the script has ended and everything has come back; rejects otherwise. */
async function connect(
  container: JobContainer,
  request: ScriptRequest,
  progress: Progress,
  signal: AbortSignal
): Promise<void> {
  const text = sessionText({
    request,
    nonce: progress.nonce,
    exchange: progress.copied?.exchange,
    skipBlocks: Math.floor(progress.shown / SKIP_BLOCK_BYTES),
    joinOnly: progress.started
  })
  const listener = (connection: Connection) => listen(container.reporter, request, progress, connection)
  try {
    const result = await converse(container, { text, nonce: progress.nonce, listener }, signal)
    if (progress.failure !== undefined) throw progress.failure
    if (progress.done || result === 'left') return
    const failure = progress.started ? undefined : shellFailure(result.exitCode, result.stderr)
    throw failure ?? new Error(`the shell in the job container ended early (${result.exitCode}) ${result.stderr}`)
  } catch (error) {
    signal.throwIfAborted()
    if (progress.failure !== undefined) throw progress.failure
    if (progress.done) return
    // A connection that was lost in the middle: what became of the container, the next one finds out.
    if (error instanceof StepError) throw error
    throw await explain(container, error, signal)
  }
}

/** Reacts to what one connection shows. */
function listen(reporter: Reporter, request: ScriptRequest, progress: Progress, connection: Connection): FrameListener {
  const { copied } = progress
  let reading: 'nothing' | 'log' | 'file' = 'nothing'
  /** Bytes of the log that come again. */
  let known = 0

  const finish = () => {
    progress.received = true
    connection.type(COMMANDS.finish)
    connection.hangUp()
  }
  const fail = (failure: StepError) => {
    progress.failure = failure
    connection.leave()
  }
  const leave = () => {
    progress.done = true
    connection.leave()
  }
  const frames: Readonly<Record<string, (rest: string) => unknown>> = {
    log(blocks) {
      progress.started = true
      known = progress.shown - Number(blocks) * SKIP_BLOCK_BYTES
      reading = 'log'
    },
    exit(code) {
      if (reading !== 'log') return
      reading = 'nothing'
      progress.exitCode = Number(code)
      if (copied === undefined || progress.received) return finish()
      copied.copiedOut = copied.renew()
      connection.type(COMMANDS.copyOut)
    },
    file(path) {
      reading = 'file'
      copied?.copiedOut.begin(path)
    },
    end() {
      reading = 'nothing'
      copied?.copiedOut.end()
    },
    async sent() {
      for (const path of (await copied?.copiedOut.further()) ?? []) connection.type(COMMANDS.send(path))
      finish()
    },
    done: leave,
    gone: () => (progress.received ? leave() : fail(filesLost())),
    // After the end it only says that those who watched are gone, too.
    lost: () => progress.exitCode === undefined && fail(processesLost()),
    failed(reason) {
      if (!reason.startsWith(MISSING_ACTION)) return fail(notStarted(request, reason))
      progress.missingAction = reason.slice(MISSING_ACTION.length)
      connection.leave()
    }
  }
  return {
    raw(bytes) {
      if (reading === 'file') copied?.copiedOut.add(bytes)
      if (reading !== 'log') return
      const fresh = bytes.subarray(Math.min(known, bytes.length))
      known -= bytes.length - fresh.length
      progress.shown += fresh.length
      reporter.output(fresh)
    },
    frame: (kind, rest) => (Object.hasOwn(frames, kind) ? frames[kind]?.(rest) : undefined)
  }
}

const filesLost = () =>
  new StepError(
    'run-lost',
    'the connection to the running script was lost, and its files in the job container are gone: was the temporary directory emptied?'
  )

const processesLost = () =>
  new StepError(
    'run-lost',
    'the script was killed together with the processes that watch it, so its exit code is unknown: does it kill all processes, or did the container run out of memory?'
  )

function notStarted({ workingDirectory }: ScriptRequest, reason: string): StepError {
  const [what = '', ...rest] = reason.split(' ')
  const paths = rest.join(' ')
  if (what === 'directory') {
    return new StepError(
      'invalid-input',
      `the working directory ${workingDirectory} does not exist in the job container`
    )
  }
  if (what === 'action') {
    return new StepError('workspace-delivery-failed', `the action ${paths} was sent to the job pod, and is not there`)
  }
  if (what === 'room') {
    return new StepError(
      'start-failed',
      `the job container's user can write to none of ${paths}: give it one, or another user`
    )
  }
  return new StepError(
    'start-failed',
    `cannot write ${paths} in the job container: its user may not, its disk is full, or it lacks base64 for a binary file`
  )
}
