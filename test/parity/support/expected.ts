/** What is known of each case beforehand, in files: what BuildKit makes of it, and where the default builder is known to differ. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { idOf, type ParityCase } from '../case.ts'
import type { Reference, Verdict } from './outcome.ts'

const DIRECTORY = new URL('../expected/', import.meta.url)
const KANIKO = new URL('kaniko.json', DIRECTORY)
const BUILDKIT = new URL('buildkit/', DIRECTORY)

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`
const read = (file: URL) => JSON.parse(readFileSync(file, 'utf8'))

/** Where the references come from. */
export interface Origin {
  readonly version: string
  /** A day, `2026-11-28`. */
  readonly on: string
}

export interface References {
  readonly origin: Origin
  readonly of: ReadonlyMap<string, Reference>
}

export function readReferences(): References {
  const groups = readdirSync(BUILDKIT).filter((name) => name !== 'origin.json')
  const entries = groups.flatMap((name) => Object.entries(read(new URL(name, BUILDKIT)) as Record<string, Reference>))
  return { origin: read(new URL('origin.json', BUILDKIT)), of: new Map(entries) }
}

export function writeReferences(cases: readonly ParityCase[], { origin, of }: References): void {
  for (const group of new Set(cases.map((given) => given.group))) {
    const ids = cases.filter((given) => given.group === group).map(idOf)
    const name = `${group
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, '-')
      .replace(/^-/, '')}.json`
    writeFileSync(new URL(name, BUILDKIT), json(Object.fromEntries(ids.map((id) => [id, of.get(id)]))))
  }
  writeFileSync(new URL('origin.json', BUILDKIT), json(origin))
}

/** A case in which the default builder does not do what BuildKit does. */
export interface Deviation {
  readonly verdict: Exclude<Verdict, 'same' | 'refused by both'>
  /** Seen when this was written. */
  readonly why: readonly string[]
}

export type Deviations = Readonly<Record<string, Deviation>>

export const readDeviations = (): Deviations => read(KANIKO)
export const writeDeviations = (deviations: Deviations): void =>
  writeFileSync(KANIKO, json(Object.fromEntries(Object.entries(deviations).sort())))
