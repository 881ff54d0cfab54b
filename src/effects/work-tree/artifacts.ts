/**
 * The files that a step names in GITHUB_ARTIFACTS, for the copy mode: the runner (2.336 and later, CreateArtifactsFileCommand) opens each on its own
 * disk after the step, and computes its hash.
 */
import { posix } from 'node:path'
import { FILE_COMMANDS, GITHUB, HOME, JOB_WORK, PLAIN_FILES, TEMP } from './layout.ts'
import { isBelow } from './tree.ts'

/** A longer list is refused by the runner. */
export const LIST_BYTES_MAX = 1024 * 1024
/** The runner takes no more in a whole job. */
const FILES_MAX = 500

const LIST = `${FILE_COMMANDS}/artifacts_`
/** What earlier steps have named, for this one to read. */
const OF_EARLIER_STEPS = `${LIST}list_`

/** Whether a path below the work directory is that of a step's list. */
export const isArtifactList = (path: string): boolean => path.startsWith(LIST) && !path.startsWith(OF_EARLIER_STEPS)

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
const FILE_SCHEME = /^file:\/\//i
/** An image by its digest: there is no file. */
const IMAGE = /@(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/i

/** Paths below the work directory, as the runner reads the list; not those that it refuses, and those that are nobody's to hand over. */
export function artifactsIn(list: string, workspacePath: string): readonly string[] {
  const found = new Set<string>()
  for (const line of list.split(/\r\n|\r|\n/).map((text) => text.trim())) {
    if (line === '' || line.startsWith('#') || line.includes('=')) continue
    const isFile = FILE_SCHEME.test(line)
    if (!isFile && (SCHEME.test(line) || IMAGE.test(line))) continue
    const path = inWork(line.replace(FILE_SCHEME, ''), workspacePath)
    if (path === undefined || !isBelow(path, [workspacePath, TEMP]) || isBelow(path, PLAIN_FILES)) continue
    found.add(path)
    if (found.size >= FILES_MAX) break
  }
  return [...found]
}

/** By the mounts of the job container: the runner asks them for the files of container actions, too. */
function inWork(declared: string, workspacePath: string): string | undefined {
  if (!posix.isAbsolute(declared)) return posix.join(workspacePath, declared)
  const path = posix.normalize(declared)
  if (isBelow(path, [GITHUB.home])) return posix.join(HOME, posix.relative(GITHUB.home, path))
  return isBelow(path, [JOB_WORK]) ? posix.relative(JOB_WORK, path) : undefined
}
