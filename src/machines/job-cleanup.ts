/**
 * The job-cleanup machine: cleanup_job, everything that belongs to one runner pod goes, whatever state its job was left in; for the hook.
 *
 *   listing -> removingObjects -> confirming -> removingImages -> succeeded
 *
 * What cannot be listed ends in failed, what stays there in stuck, CANCEL in cancelled. Most jobs have no image, so images that
 * cannot be removed are told and fail nothing.
 */

import { CLEANUP_STAGES } from './cleanup-stages.ts'
import { entryName, type Ledger, type LedgerEntry } from './ledger.ts'
import { defineMachine, known, port } from './machine.ts'
import type { Failure, RunContext, RunOutput } from './run.ts'
import type { CleanupStageName } from './stages.ts'
import type { AheadCounts, CleanupRequest, JobImages, Leftovers } from './types.ts'

interface CleanupContext extends RunContext<CleanupRequest, CleanupStageName> {
  /** The job's in the registry; undefined when there can be none. */
  readonly images?: JobImages | undefined
  readonly ahead?: AheadCounts | undefined
  /** What is known to be gone. */
  readonly removed?: Ledger | undefined
  /** Why images stay. */
  readonly imagesStay?: Omit<Failure, 'stage'> | undefined
}

export interface CleanupOutput extends RunOutput<CleanupStageName> {
  /** As the ledger names it: pods, then images, then the rest. */
  readonly removed: readonly string[]
  readonly ahead?: AheadCounts | undefined
  readonly imagesStay?: Omit<Failure, 'stage'> | undefined
}

const { attempts, machine } = defineMachine({
  id: 'job-cleanup',
  stages: CLEANUP_STAGES,
  types: { context: {} as CleanupContext, output: {} as CleanupOutput },
  actors: {
    list: port<CleanupRequest, Leftovers>(),
    removeObjects: port<Ledger, void>(),
    confirm: port<CleanupRequest, void>(),
    removeImages: port<JobImages, Ledger>()
  }
})

const RANKS: Partial<Record<LedgerEntry['kind'], number>> = { pod: 0, 'build-pod': 0, image: 1 }
const rankOf = ({ kind }: LedgerEntry): number => RANKS[kind] ?? 2

export const jobCleanup = machine({
  initial: 'listing',
  output: ({ removed = [], imagesStay, ahead }) => ({
    ahead,
    removed: removed.toSorted((one, other) => rankOf(one) - rankOf(other)).map(entryName),
    imagesStay
  }),
  states: {
    listing: attempts('listing', {
      actor: 'list',
      input: ({ request }) => request,
      onDone: (_context, { objects, images, ahead }) => ({ ledger: objects, images, ahead }),
      done: [{ target: 'removingObjects' }],
      failed: 'failed'
    }),
    removingObjects: attempts('removingObjects', {
      actor: 'removeObjects',
      input: ({ ledger }) => ledger,
      done: [{ target: 'confirming' }],
      failed: 'stuck'
    }),
    confirming: attempts('confirming', {
      actor: 'confirm',
      input: ({ request }) => request,
      onDone: ({ ledger }) => ({ removed: ledger, exitCode: 0 }),
      done: [
        { target: 'removingImages', when: 'the job may have images', guard: ({ images }) => images !== undefined },
        { target: 'succeeded', when: 'no images' }
      ],
      failed: 'stuck'
    }),
    removingImages: attempts('removingImages', {
      actor: 'removeImages',
      input: ({ images }) => known(images, 'what the job may have built'),
      onDone: ({ removed = [] }, images) => ({ removed: [...removed, ...images] }),
      done: [{ target: 'succeeded' }],
      failed: 'succeeded',
      onFailed: (_context, { code, message, detail }) => ({ imagesStay: { code, message, detail } })
    })
  }
})
