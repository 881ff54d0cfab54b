/** The build context as docker would send it: the Dockerfile's directory without what .dockerignore leaves out. */
import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { StepError } from '../../errors.ts'
import { type IgnoreRules, parseIgnoreFile } from '../dockerfile/ignore-file.ts'
import { turn } from '../system.ts'
import { DEPTH_MAX, type Directory, tooDeep } from '../work-tree/directory.ts'
import { contentOf, diskRefusal, inDirectory, inTree, openBelow, readWhole, resolveBelow } from '../work-tree/tree.ts'
import { archiveOf } from './archives.ts'
import type { ContentEntry } from './hash.ts'

/** Where a context is: a directory that no container has a say in, and a path below it. */
export interface ContextDirectory {
  readonly root: string
  readonly path: string
}

/** More entries than any context that can be built in reasonable time; guards against a context of `/`. */
const ENTRIES_MAX = 1_000_000
/** Read into memory at the most; what is too large for a .dockerignore is told by its parser. */
const IGNORE_READ_BYTES_MAX = 1024 * 1024
/** Between looks at whether somebody wants to stop. */
const ENTRIES_PER_TURN = 64
const MODE_BITS = 0o7777

const nothingIgnored: IgnoreRules = { excludes: () => false, mayReinclude: () => false }

/** One thing in a context, held by its directory as long as it is looked at. */
interface Found {
  readonly path: string
  readonly directory: Directory
  readonly entry: Dirent
}

/**
 * All that is in a context, with what can change an image: kinds, modes, link targets and a hash of each content. The Dockerfile and
 * the ignore files are always in it: the builder reads them even when a pattern leaves them out. Sockets are not, as with docker.
 * `dockerfile` is relative to the context. Rejects with `invalid-input` (bad pattern, too many entries), `not-supported` (pipes and
 * devices), `files-refused` or `cancelled`.
 */
export async function readContext(
  context: ContextDirectory,
  dockerfile: string,
  signal: AbortSignal
): Promise<readonly ContentEntry[]> {
  return (await lookAtContext(context, dockerfile, signal)).entries
}

/** The same, and whether there are sockets beside it. */
export async function lookAtContext(
  context: ContextDirectory,
  dockerfile: string,
  signal: AbortSignal
): Promise<{ readonly entries: readonly ContentEntry[]; readonly hasSockets: boolean }> {
  const entries: ContentEntry[] = []
  const hasSockets = await walk(context, dockerfile, signal, async (found) => {
    const entry = await describe(found, signal)
    if (entry !== undefined) entries.push(entry)
  })
  return { entries, hasSockets }
}

/** The paths of the same, without a look into them. */
export async function listContext(
  context: ContextDirectory,
  dockerfile: string,
  signal: AbortSignal
): Promise<ReadonlySet<string>> {
  const paths = new Set<string>()
  await walk(context, dockerfile, signal, async ({ path }) => void paths.add(path))
  return paths
}

async function walk(
  { root, path: contextPath }: ContextDirectory,
  dockerfile: string,
  signal: AbortSignal,
  take: (found: Found) => Promise<void>
): Promise<boolean> {
  let hasSockets = false
  let seen = 0
  let taken = 0
  /** Whether anything below was taken. */
  const visit = async (directory: Directory, path: string, rules: IgnoreRules, always: ReadonlySet<string>) => {
    if (path.split('/').length >= DEPTH_MAX) throw tooDeep(path)
    const before = taken
    const found = await directory.list().catch((error: unknown) => {
      throw diskRefusal(error, `read '${path || contextPath}' on`)
    })
    for (const entry of found) {
      seen += 1
      if (seen % ENTRIES_PER_TURN === 0) await turn()
      signal.throwIfAborted()
      const childPath = path === '' ? entry.name : `${path}/${entry.name}`
      const isIncluded = always.has(childPath) || !rules.excludes(childPath)
      if (!(entry.isFile() || entry.isDirectory() || entry.isSymbolicLink())) {
        if (isIncluded && !entry.isSocket()) throw noFile(childPath)
        hasSockets ||= isIncluded
        continue
      }
      let isKept = isIncluded
      if (entry.isDirectory() && (isIncluded || rules.mayReinclude(childPath))) {
        const child = await directory.directory(entry.name)
        if (child === undefined) continue
        try {
          // An excluded directory is still there when something in it is not.
          if (await visit(child, childPath, rules, always)) isKept = true
        } finally {
          await child.close()
        }
      }
      if (!isKept) continue
      taken += 1
      if (taken > ENTRIES_MAX) throw tooMany()
      await take({ path: childPath, directory, entry }).catch((error: unknown) => {
        throw diskRefusal(error, `read '${childPath}' on`)
      })
    }
    return taken > before
  }
  try {
    await inTree(root, (tree) =>
      inDirectory(tree, contextPath, async (context) => {
        const rules = await readIgnoreRules(context, join(root, contextPath), dockerfile)
        const always = new Set([dockerfile, '.dockerignore', `${dockerfile}.dockerignore`])
        await visit(context, '', rules, always)
      })
    )
    return hasSockets
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'Reading the build context was cancelled')
    throw thrown
  }
}

/** Undefined for what has gone meanwhile. */
async function describe({ path, directory, entry }: Found, signal: AbortSignal): Promise<ContentEntry | undefined> {
  const { name } = entry
  if (entry.isSymbolicLink()) {
    const target = await directory.readLink(name)
    return target === undefined ? undefined : { type: 'symlink', path, target }
  }
  if (entry.isDirectory()) {
    const stats = await directory.look(name)
    return stats?.isDirectory() ? { type: 'directory', path, mode: stats.mode & MODE_BITS } : undefined
  }
  const file = await directory.file(name)
  if (file === undefined) return undefined
  const { handle, stats } = file
  try {
    const hash = createHash('sha256')
    let start: Buffer | undefined
    for await (const chunk of contentOf(handle)) {
      signal.throwIfAborted()
      start ??= chunk
      hash.update(chunk)
    }
    const archive = start && (await archiveOf(start))
    return { type: 'file', path, mode: stats.mode & MODE_BITS, sha256: hash.digest('hex'), ...(archive && { archive }) }
  } finally {
    await handle.close()
  }
}

/** `<Dockerfile>.dockerignore` if there is one, else `.dockerignore`, as docker does. */
async function readIgnoreRules(context: Directory, contextPath: string, dockerfile: string): Promise<IgnoreRules> {
  for (const name of [`${dockerfile}.dockerignore`, '.dockerignore']) {
    const path = await resolveBelow(context, contextPath, name)
    if (path === undefined) continue
    const file = await openBelow(context, path)
    // A builder that reads the context itself would wait for a pipe.
    if (file === undefined) throw new StepError('invalid-input', `${name} is no plain file; make it one, or remove it`)
    return parseIgnoreFile((await readWhole(file, name, IGNORE_READ_BYTES_MAX)).toString('utf8'), name)
  }
  return nothingIgnored
}

/** Docker would make one of the kind in the image. Builders here wait for what is read from a pipe, and may make no device. */
const noFile = (path: string) =>
  new StepError(
    'not-supported',
    `'${path}' in the build context is a pipe or a device, which cannot be built: remove it, or name it in a .dockerignore`
  )

const tooMany = () =>
  new StepError(
    'invalid-input',
    `The build context holds more than ${ENTRIES_MAX} files; leave some out in a .dockerignore`
  )
