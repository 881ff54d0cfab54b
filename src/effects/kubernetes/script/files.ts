/** The runner's files that a script step needs in the job container, and those that are copied out of it, for the copy mode. */
import { join, posix, relative } from 'node:path'
import { StepError } from '../../../errors.ts'
import type { ScriptRequest } from '../../../machines/types.ts'
import type { Directory } from '../../work-tree/directory.ts'
import {
  ACTIONS,
  EVENT,
  FILE_COMMANDS,
  JOB_WORK,
  type RunnerPaths,
  TEMP,
  workDirectoryOf
} from '../../work-tree/layout.ts'
import { inDirectory, inTree, openBelow, readWhole } from '../../work-tree/tree.ts'
import { type CopiedFile, type Exchange, JOB_FILE_COMMANDS } from './session.ts'

const JOB_TEMP = `${JOB_WORK}/${TEMP}`
const pathsBelow = (directory: string): RegExp => new RegExp(`${directory}/[^\\s'"\`;|&<>()]+`, 'g')
/** Paths below the runner's temporary directory, wherever in an argument they stand: `sh -c 'source /__w/_temp/x'`. */
const TEMP_PATHS = pathsBelow(JOB_TEMP)
/** A path below an action's directory, wherever in an argument it stands. */
const ACTION_PATHS = pathsBelow(`${JOB_WORK}/${ACTIONS}`)
/** `_actions/<owner>/<repository>/<ref>`; a ref may have slashes. */
const ACTION_DEPTH = { min: 3, max: 10 }

/** A script and the file commands are small; what is larger was meant to be something else. */
export const COPY_IN_BYTES_MAX = 32 * 1024 * 1024
/** More than all summaries and outputs that the runner accepts. */
export const COPY_OUT_BYTES_MAX = 64 * 1024 * 1024

/** What the runner itself reads of a repository: actions in it (hook-protocol section 6), and problem matchers. */
const READ_BY_RUNNER = ['action.yml', 'action.yaml', 'Dockerfile', 'Dockerfile.*', '*Dockerfile', '*matcher*.json']
const ACTION_FILE = /(^|\/)action\.ya?ml$/

/** Reads what the script needs. `hashFiles`: basenames, with wildcards, that the workflow computes hashes of. */
export async function readExchange(
  request: ScriptRequest,
  paths: RunnerPaths,
  hashFiles: readonly string[]
): Promise<Exchange> {
  const scripts = new Set([request.entryPoint, ...request.args].flatMap((word) => word.match(TEMP_PATHS) ?? []))
  const workDirectory = workDirectoryOf(paths)
  return await inTree(workDirectory, async (tree) => {
    const wanted = [
      ...[...scripts].map((path) => ({ path: posix.normalize(path), umask: '022' as const })),
      ...(await fileCommands(request, tree)).map((path) => ({ path, umask: '000' as const })),
      { path: `${JOB_WORK}/${EVENT}`, umask: '022' as const, stays: true }
    ].filter(({ path }) => path.startsWith(`${JOB_TEMP}/`))
    return {
      copiedIn: await readFiles(tree, wanted),
      actions: await actionsOf(request, tree),
      workspace: posix.join(JOB_WORK, relative(workDirectory, paths.githubWorkspace)),
      patterns: [...READ_BY_RUNNER, ...hashFiles]
    }
  })
}

/**
 * The actions that the step runs or belongs to. Those that a local composite action uses are downloaded when that one runs, after
 * prepare_job; the runner marks a complete download with a file beside it (its ActionManager).
 */
async function actionsOf({ entryPoint, args, env }: ScriptRequest, tree: Directory): Promise<readonly string[]> {
  const words = [entryPoint, ...args, env.GITHUB_ACTION_PATH ?? '']
  const found = new Set<string>()
  for (const path of new Set(words.flatMap((word) => word.match(ACTION_PATHS) ?? []))) {
    const [, root, ...parts] = posix.relative(JOB_WORK, posix.normalize(path)).split('/')
    if (root === undefined) continue
    for (let depth = ACTION_DEPTH.min; depth <= Math.min(parts.length + 1, ACTION_DEPTH.max); depth += 1) {
      const action = posix.join(ACTIONS, root, ...parts.slice(0, depth - 1))
      const marker = await openBelow(tree, `${action}.completed`)
      await marker?.handle.close()
      if (marker !== undefined) found.add(posix.join(JOB_WORK, action))
    }
  }
  return [...found]
}

/** Those that the step's environment names: others are of other steps, which may run at the same time. Without any, all there are. */
async function fileCommands({ env }: ScriptRequest, tree: Directory): Promise<readonly string[]> {
  const named = Object.values(env).filter((value) => posix.dirname(value) === JOB_FILE_COMMANDS)
  if (named.length > 0) return [...new Set(named)]
  const found = await inDirectory(tree, FILE_COMMANDS, (directory) => directory.list())
  return (found ?? []).map(({ name }) => `${JOB_FILE_COMMANDS}/${name}`)
}

/** The plain files that are there: what is not on the runner is the job container's own. */
async function readFiles(tree: Directory, wanted: readonly Omit<CopiedFile, 'content'>[]): Promise<CopiedFile[]> {
  const copiedIn: CopiedFile[] = []
  let bytes = 0
  for (const file of wanted) {
    const source = posix.relative(JOB_WORK, file.path)
    const found = await openBelow(tree, source)
    if (found === undefined) continue
    bytes += found.stats.size
    if (bytes > COPY_IN_BYTES_MAX) {
      await found.handle.close()
      throw new StepError('not-supported', `${source} and what else the step needs is larger than 32 MiB`)
    }
    copiedIn.push({ ...file, content: await readWhole(found, source, COPY_IN_BYTES_MAX) })
  }
  return copiedIn
}

/** Files that come back, until they are written. */
export interface CopiedOut {
  begin(containerPath: string): void
  add(bytes: Buffer): void
  end(): void
  /** Container paths of the scripts that the actions among the files name: the runner looks whether they are there. */
  further(): Promise<readonly string[]>
  /** Writes everything to the runner's disk, and resolves with the paths. Rejects with `collect-failed`; may be called again. */
  write(paths: RunnerPaths): Promise<readonly string[]>
}

/** `warn` is told once what does not fit `COPY_OUT_BYTES_MAX`. */
export function createCopiedOut({ workspace, copiedIn }: Exchange, warn: (message: string) => void): CopiedOut {
  const files = new Map<string, Buffer>()
  /** What the runner's disk has already. */
  const known = new Map(copiedIn.map(({ path, content }) => [posix.relative(JOB_WORK, path), content]))
  const repository = `${posix.relative(JOB_WORK, workspace)}/`
  /** Only what was copiedIn for this step and what lies in the repository, whatever the container says. */
  const isExpected = (path: string) => known.has(path) || path.startsWith(repository)
  let current: { readonly path: string; readonly chunks: Buffer[] } | undefined
  let bytes = 0
  let isFull = false
  return {
    begin(containerPath) {
      const path = posix.relative(JOB_WORK, posix.normalize(containerPath))
      current = isExpected(path) ? { path, chunks: [] } : undefined
    },
    add(chunk) {
      if (current === undefined) return
      bytes += chunk.length
      if (bytes <= COPY_OUT_BYTES_MAX) {
        current.chunks.push(chunk)
        return
      }
      if (!isFull) warn(`${current.path} and what follows it is not copied to the runner: more than 64 MiB`)
      isFull = true
      current = undefined
    },
    end() {
      if (current === undefined) return
      const content = Buffer.concat(current.chunks)
      const before = known.get(current.path)
      if (before === undefined || !content.equals(before)) files.set(current.path, content)
      current = undefined
    },
    async further() {
      const actions = [...files].filter(([path]) => ACTION_FILE.test(path))
      if (actions.length === 0) return []
      const { parse } = await import('yaml')
      return actions.flatMap(([path, content]) => {
        const scripts = scriptsOf(parse, content.toString('utf8')).map((name) => posix.join(posix.dirname(path), name))
        return scripts.filter((script) => isExpected(script)).map((script) => join(JOB_WORK, script))
      })
    },
    async write(paths) {
      if (files.size === 0) return []
      try {
        await writeAll(workDirectoryOf(paths), files)
        return [...files.keys()]
      } catch (error) {
        if (error instanceof StepError && !error.retryable) throw error
        throw new StepError('collect-failed', `could not write the step's files: ${(error as Error).message}`, {
          cause: error
        })
      }
    }
  }
}

/** The scripts of a JavaScript action; none for other actions, and for what is no action at all. */
function scriptsOf(parse: (text: string) => unknown, text: string): string[] {
  let action: unknown
  try {
    action = parse(text)
  } catch {
    // The runner says what is wrong with it, once the action is used.
    return []
  }
  const { using, main, pre, post } = ((action as { runs?: unknown } | null)?.runs ?? {}) as Record<string, unknown>
  if (typeof using !== 'string' || !using.startsWith('node')) return []
  return [main, pre, post].filter((script) => typeof script === 'string')
}

/** Through the same code as every archive, so that nothing leads out of the work directory. */
async function writeAll(root: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  // Most scripts change none of these files, and their hooks need not load this.
  const [{ END, headerOf, paddingOf }, { unpack }, { COMPLETE_MEMBER }] = await Promise.all([
    import('../../archive/member.ts'),
    import('../../archive/unpack.ts'),
    import('../../archive/pack.ts')
  ])
  const { input, done } = unpack({ root, isWanted: (path) => files.has(path), areNew: true })
  for (const [path, content] of [...files, [COMPLETE_MEMBER, Buffer.alloc(0)] as const]) {
    const header = headerOf({ path, type: 'file', mode: 0o644, size: content.length })
    input.write(Buffer.concat([header, content, paddingOf(content.length)]))
  }
  input.end(END)
  await done
}
