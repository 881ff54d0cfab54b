/** What of a build context decides how it is copied, from all that is in it: for the choice of a builder. */
import type { Archive, Context } from '../dockerfile/constructs.ts'
import type { ContentEntry } from './hash.ts'

/** The bits of setuid and setgid. */
const SET_ID = 0o6000

export const copiedFrom = (entries: readonly ContentEntry[]): Context => ({
  links: new Map(
    entries.flatMap((entry): [string, string][] => (entry.type === 'symlink' ? [[entry.path, entry.target]] : []))
  ),
  directories: new Map(
    entries.flatMap((entry): [string, number][] => (entry.type === 'directory' ? [[entry.path, entry.mode]] : []))
  ),
  paths: new Set(entries.map(({ path }) => path)),
  archives: new Map(
    entries.flatMap((entry): [string, Archive][] =>
      entry.type === 'file' && entry.archive ? [[entry.path, entry.archive]] : []
    )
  ),
  special: new Map(
    entries.flatMap((entry): [string, number][] =>
      entry.type === 'file' && (entry.mode & SET_ID) !== 0 ? [[entry.path, entry.mode]] : []
    )
  )
})
