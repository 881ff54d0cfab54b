/** What placing a job pod takes besides creating it: room for it, and directories on the runner's disk. */
import { dirname, join } from 'node:path'
import type { JobRequest } from '../../../machines/job-start.ts'
import type { Ledger } from '../../../machines/ledger.ts'
import { removeStaging } from '../../archive/staging.ts'
import { ACTIONS, FILE_COMMANDS, TEMP, TOOLS } from '../../work-tree/layout.ts'
import { isThere, openForEveryUser } from '../../work-tree/rights.ts'
import { createJanitor } from '../cleanup/janitor.ts'
import type { Site } from '../context/site.ts'
import { isInWork } from '../context/storage.ts'

const GONE_POLL_MS = 100
/** Besides what is mounted by itself: where steps of any user write to. */
const WRITTEN = [TEMP, FILE_COMMANDS, ACTIONS, TOOLS]

/** Removes what an earlier job has left, and waits until its names are free. */
export async function sweep(site: Site, leftovers: Ledger, signal: AbortSignal): Promise<void> {
  if (leftovers.length === 0) return
  const { cluster, clock, reporter } = site
  reporter.line(`Removing what an earlier job left: ${leftovers.map(({ kind, name }) => `${kind} ${name}`).join(', ')}`)
  await createJanitor(site, undefined).cleanUp(leftovers, false, signal)
  const pods = leftovers.filter(({ kind }) => kind === 'pod')
  // Bounded by the signal: every stage has a budget.
  for (const { name } of pods) {
    while ((await cluster.getPod(name, signal)) !== undefined) await clock.sleep(GONE_POLL_MS, signal)
  }
}

/** Makes what containers will write to, for every user; sources of user volumes are made like docker makes them. */
export async function prepareDirectories(
  { storage, workspacePath }: Site,
  { mounts }: JobRequest,
  userDirectories: readonly string[]
): Promise<void> {
  const { workDirectory } = storage
  const mounted = mounts.filter(({ source, readOnly }) => !readOnly && isInWork(storage, source))
  const written = [...WRITTEN, dirname(workspacePath), workspacePath].map((path) => join(workDirectory, path))
  await removeStaging(workDirectory)
  await openForEveryUser(workDirectory, [...mounted.map(({ source }) => source), ...written])
  for (const directory of userDirectories) {
    if (!(await isThere(workDirectory, directory))) await openForEveryUser(workDirectory, [directory])
  }
}
