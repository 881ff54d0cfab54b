/** Who a program is by an image's USER and the image's own passwd and group files, as docker and containerd read them, for `processOf`. */
import { StepError } from '../../errors.ts'

export interface User {
  readonly uid: number
  readonly gid: number
  /** Name of the passwd entry whose groups the program has beside `gid`; undefined: it has no others. */
  readonly name?: string
}

/** Texts of files of a built image; undefined where there is none. */
export interface UserFiles {
  readonly passwd?: string | undefined
  readonly group?: string | undefined
}

interface Entry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

const ID_MAX = 2 ** 31 - 1
/** What docker reads of a line of passwd at most. */
const PASSWD_LINE_MAX = 64 * 1024
/** What the shell's `su` can be given and finds: neither an option, nor with blanks, which it cuts off. */
const PLAIN_NAME = /^[^\s-]\S*$/

/** `spec`: `name`, `uid`, `name:group` or `uid:gid`; empty: root. Rejects with `start-failed` what docker cannot find. */
export function userOf(spec: string, files: UserFiles): User & { readonly home: string } {
  const [wanted = '', group = ''] = spec.split(':')
  const wantedId = idOf(wanted)
  const entries = entriesOf(files.passwd ?? '', wanted)
  const entry = entries.find(({ name, uid }) =>
    wanted === '' ? uid === 0 : name === wanted || (wantedId !== undefined && uid === wantedId)
  )
  if (entry === undefined && wanted !== '' && wantedId === undefined) {
    throw failed(`unable to find user ${shown(wanted)}: no matching entries in passwd file`)
  }
  const uid = inRange(entry?.uid ?? wantedId ?? 0)
  const home = entries.find((one) => one.uid === uid)?.home || '/'
  if (group !== '') return { uid, gid: inRange(groupOf(group, files.group ?? '')), home }
  const gid = inRange(entry?.gid ?? 0)
  if (entry === undefined || !hasOthers(entry, gid, files.group ?? '')) return { uid, gid, home }
  if (!PLAIN_NAME.test(entry.name) || !isFound(entry, files.passwd ?? '')) {
    throw failed(`the groups of user ${shown(entry.name)} cannot be given to it: its entry in /etc/passwd is malformed`)
  }
  return { uid, gid, name: entry.name, home }
}

const lines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** Missing fields are empty and odd numbers 0, as they are for docker. */
function entriesOf(passwd: string, wanted: string): readonly Entry[] {
  return lines(passwd).map((line) => {
    if (line.length > PASSWD_LINE_MAX) {
      throw failed(`unable to find user ${shown(wanted || '0')}: a line of its passwd file is too long`)
    }
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':')
    return { name, uid: idOf(uid) ?? 0, gid: idOf(gid) ?? 0, home }
  })
}

/** The number of a group that is named or numbered. */
function groupOf(group: string, file: string): number {
  const wantedId = idOf(group)
  for (const line of lines(file)) {
    const [name = '', , gid = ''] = line.split(':')
    const id = idOf(gid) ?? 0
    if (name === group || (wantedId !== undefined && id === wantedId)) return id
  }
  if (wantedId === undefined) throw failed(`unable to find group ${shown(group)}: no matching entries in group file`)
  return wantedId
}

function hasOthers(entry: Entry, own: number, file: string): boolean {
  return lines(file).some((line) => {
    const [, , gid = '', members = ''] = line.split(':')
    return (idOf(gid) ?? 0) !== own && members.split(',').includes(entry.name)
  })
}

/** Whether the shell's `su`, which skips comments and lines that have not seven fields, takes this entry for the name. */
function isFound({ name, uid, gid }: Entry, passwd: string): boolean {
  for (const line of passwd.split('\n')) {
    const fields = line.split(':').map((field) => field.trim())
    if (line.startsWith('#') || fields.length !== 7 || fields[0] !== name) continue
    return fields[2] === String(uid) && fields[3] === String(gid)
  }
  return false
}

const idOf = (text: string): number | undefined => (/^[+-]?\d+$/.test(text) ? Number(text) + 0 : undefined)

function inRange(id: number): number {
  if (id >= 0 && id <= ID_MAX) return id
  throw failed(`uids and gids must be in range 0-${ID_MAX}`)
}

const failed = (words: string): StepError => new StepError('start-failed', `the built action cannot start: ${words}`)

/** A name out of an image, for one line of text. */
const shown = (name: string): string => name.slice(0, 64).replace(/[^\x20-\x7e]/g, '?')
