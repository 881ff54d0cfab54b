/** Which builder builds a case where both are configured, as the hook decides it before anything is built. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseBuilders } from '../../../src/effects/builders/choose.ts'
import { chooseFor } from '../../../src/effects/builders/choose-for.ts'
import { readContext } from '../../../src/effects/content/context.ts'
import { copiedFrom } from '../../../src/effects/content/copied.ts'
import { idOf, type ParityCase } from '../case.ts'
import { writeContext } from './context.ts'

const BASES = { busybox: 'registry/base/busybox:1', debian: 'registry/base/debian:bookworm', registry: 'registry' }
const BOTH = chooseBuilders({ builder: 'auto', builderDaemon: { address: 'tcp://buildkitd:1234' } })

export interface Chosen {
  /** The builder's name. */
  readonly builder: string
  /** Whether it is given what the author wrote. */
  readonly isAsWritten: boolean
}

/** By a case's name. */
export async function chosenOf(cases: readonly ParityCase[]): Promise<ReadonlyMap<string, Chosen>> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-choice-'))
  try {
    const chosen = new Map<string, Chosen>()
    for (const [at, given] of cases.entries()) {
      const path = `case-${at}`
      await writeContext(join(directory, path), given, BASES)
      const named = Object.entries(BASES).reduce(
        (text, [base, to]) => text.replaceAll(`%${base}%`, to),
        given.dockerfile
      )
      const entries = await readContext({ root: directory, path }, 'Dockerfile', new AbortController().signal).catch(
        () => []
      )
      const context = copiedFrom(entries)
      const { builder, rewritten } = chooseFor(BOTH, named, {
        platform: { os: 'linux', architecture: 'amd64' },
        context
      })
      chosen.set(idOf(given), { builder: builder.definition.name, isAsWritten: rewritten === undefined })
    }
    return chosen
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
