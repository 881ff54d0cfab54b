/** The files that a step has named in GITHUB_ARTIFACTS, from the job pod to the runner's disk, for the copying transfer. */
import { Readable } from 'node:stream'
import { StepError } from '../../../errors.ts'
import { COMPLETE_MEMBER } from '../../archive/pack.ts'
import { unpack } from '../../archive/unpack.ts'
import { artifactsIn, isArtifactList, LIST_BYTES_MAX } from '../../work-tree/artifacts.ts'
import { contentOf, inTree, openBelow } from '../../work-tree/tree.ts'
import type { Site } from '../context/site.ts'
import { FILES_CONTAINER } from '../names.ts'
import { BYTEWISE, WORK_ROOT } from './containers.ts'
import { execIn } from './reach.ts'
import { TAR_CREATE } from './sources.ts'

/** Those of the given files that are there: a link counts as what it leads to, within the work volume. */
const THERE = [
  'for path; do',
  'real=$(realpath -e -- "$path") || continue',
  `case $real in ${WORK_ROOT}/*) [ ! -f "$real" ] || printf "%s\\\\0" "$path" ;; esac`,
  'done'
].join('\n')

/** The paths come over stdin: they are too many for a request. */
const PACK = [
  BYTEWISE,
  `cd ${WORK_ROOT} && : > ${COMPLETE_MEMBER} || exit`,
  `{ xargs -0r sh -c '${THERE}' there 2>/dev/null; printf '${COMPLETE_MEMBER}\\0'; } |`,
  // A file that is still written to is taken as it is.
  `${TAR_CREATE} --dereference --no-recursion --null --verbatim-files-from --files-from=- || [ $? -eq 1 ]`
].join('\n')

/** `written`: what the step has written on the runner's disk, relative to the work directory. What is not there, the runner says. */
export async function copyOutArtifacts(site: Site, written: Iterable<string>, signal: AbortSignal): Promise<void> {
  const lists = [...written].filter(isArtifactList)
  if (site.job === undefined || lists.length === 0) return
  const root = site.storage.workDirectory
  const paths = new Set(
    await inTree(root, async (tree) => {
      const named: string[] = []
      for (const list of lists) {
        const file = await openBelow(tree, list)
        if (file === undefined) continue
        try {
          const chunks: Buffer[] = []
          for await (const chunk of contentOf(file.handle, LIST_BYTES_MAX)) chunks.push(chunk)
          named.push(...artifactsIn(Buffer.concat(chunks).toString('utf8'), site.workspacePath))
        } finally {
          await file.handle.close()
        }
      }
      return named
    })
  )
  if (paths.size === 0) return
  const unpacking = unpack({ root, isWanted: (path) => paths.has(path), bytesMax: site.bytesMax })
  const stdin = Readable.from([Buffer.from([...paths, ''].join('\0'))])
  const request = { command: ['sh', '-c', PACK], stdin, stdout: unpacking.input }
  const [{ exitCode, stderr }] = await Promise.all([
    execIn(site, { pod: site.job.pod, container: FILES_CONTAINER }, request, signal),
    unpacking.done
  ])
  if (exitCode !== 0) throw new StepError('collect-failed', `could not read the artifacts of the job pod: ${stderr}`)
}
