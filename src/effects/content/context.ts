/** The build context as docker would send it: the Dockerfile's directory without what .dockerignore leaves out. */
import type { Dirent } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { StepError } from '../../errors.ts'
import { type IgnoreRules, parseIgnoreFile } from './ignore-file.ts'

/** One thing in a build context; `path` is relative to the context, with `/`. */
export type ContextEntry =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'file'; readonly path: string; readonly isExecutable: boolean }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }

/** More entries than any context that can be built in reasonable time; guards against a context of `/`. */
const ENTRIES_MAX = 1_000_000

const OWNER_MAY_EXECUTE = 0o100

const nothingIgnored: IgnoreRules = { excludes: () => false, mayReinclude: () => false }

/**
 * The entries of a context in byte order of their paths, so that parents come first. The Dockerfile and the ignore files
 * are always among them: the builder reads them even when a pattern leaves them out. Sockets, pipes and devices are not.
 * `dockerfile` is relative to `directory`. Rejects with `invalid-input` (bad pattern, too many entries) or `cancelled`.
 */
export async function listContext(directory: string, dockerfile: string, signal: AbortSignal): Promise<ContextEntry[]> {
  const rules = await readIgnoreRules(directory, dockerfile)
  const alwaysSent = new Set([dockerfile, '.dockerignore', `${dockerfile}.dockerignore`])
  const found: ContextEntry[] = []

  const visit = async (path: string): Promise<void> => {
    for (const child of await readdir(join(directory, path), { withFileTypes: true })) {
      signal.throwIfAborted()
      const childPath = path === '' ? child.name : `${path}/${child.name}`
      const isIncluded = alwaysSent.has(childPath) || !rules.excludes(childPath)
      const count = found.length
      if (child.isDirectory() && (isIncluded || rules.mayReinclude(childPath))) await visit(childPath)
      // An excluded directory is still there when something in it is not.
      if (isIncluded || found.length > count) await add(found, directory, childPath, child)
    }
  }
  try {
    await visit('')
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'Reading the build context was cancelled')
    throw thrown
  }
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

async function add(found: ContextEntry[], directory: string, path: string, child: Dirent): Promise<void> {
  if (found.length >= ENTRIES_MAX) {
    throw new StepError(
      'invalid-input',
      `The build context ${directory} holds more than ${ENTRIES_MAX} files; leave some out in a .dockerignore`
    )
  }
  const absolute = join(directory, path)
  if (child.isDirectory()) found.push({ type: 'directory', path })
  else if (child.isSymbolicLink()) found.push({ type: 'symlink', path, target: await readlink(absolute) })
  else if (child.isFile()) {
    const { mode } = await lstat(absolute)
    found.push({ type: 'file', path, isExecutable: (mode & OWNER_MAY_EXECUTE) !== 0 })
  }
}

/** `<Dockerfile>.dockerignore` if there is one, else `.dockerignore`, as docker does. */
async function readIgnoreRules(directory: string, dockerfile: string): Promise<IgnoreRules> {
  for (const name of [`${dockerfile}.dockerignore`, '.dockerignore']) {
    try {
      return parseIgnoreFile(await readFile(join(directory, name), 'utf8'), name)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
    }
  }
  return nothingIgnored
}
