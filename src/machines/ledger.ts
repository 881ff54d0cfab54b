/** What a step has created or is about to create, for cleanup: an entry stands here before the call that creates the thing. */

/**
 * `image`: a tag or digest in the registry. `pod` and `secret`: by name. `build-pod`: a pod that pushes what it has built.
 * `standing-pod`: a pod that stands for whichever step takes it. `process`: a script step in the job container.
 * `container` and `directory`: the local engine's.
 */
export type ResourceKind =
  | 'pod'
  | 'build-pod'
  | 'standing-pod'
  | 'secret'
  | 'image'
  | 'process'
  | 'container'
  | 'directory'

export interface LedgerEntry {
  readonly kind: ResourceKind
  readonly name: string
  /** Of a standing pod: by which nonce it is taken. Whoever has another one neither uses nor removes it. */
  readonly takenBy?: string
}

export type Ledger = readonly LedgerEntry[]

/** `pod build-1`, as people see it in logs and in the list of what remains. */
export const entryName = (entry: LedgerEntry): string => `${entry.kind} ${entry.name}`

/** The ledger with new entries at its end; an entry that is there already is not added again. */
export function record(ledger: Ledger, entries: Ledger): Ledger {
  const known = new Set(ledger.map(entryName))
  return [...ledger, ...entries.filter((entry) => !known.has(entryName(entry)))]
}
