/** One Dockerfile of the parity suite: what it is built from, and what its author may count on. */

export interface FileSpec {
  readonly text?: string
  /** Bytes that are no text. */
  readonly base64?: string
  readonly mode?: number
  /** Target of a symbolic link. */
  readonly link?: string
  /** Path of the file that this is another name of. */
  readonly hardLink?: string
  /** A directory, which may stay empty. */
  readonly directory?: true
  /** An archive with these files. */
  readonly tar?: Files
  readonly gzip?: true
  /** Of an entry of an archive, `[user, group]`. */
  readonly owner?: readonly [number, number]
}

/** By path. A string is the text of a file of mode 644; what needs to be seen as a directory is said to be one. */
export type Files = Readonly<Record<string, string | FileSpec>>

/** What holds in the image where that is a simple statement. */
export interface Holds {
  /** By path: the text of a file, or a pattern for the line that says what is there. */
  readonly files?: Readonly<Record<string, string | RegExp>>
  readonly absent?: readonly string[]
  /** Parts of the config, as image/config.ts writes it. */
  readonly config?: Readonly<Record<string, unknown>>
}

export interface Draft extends Holds {
  /** Lines of it: `%busybox%` and `%debian%` stand for the base images, `%registry%` for the registry, whose `/v2/` is a page with `{}`. */
  readonly dockerfile: string
  /** The build context besides the Dockerfile. */
  readonly context?: Files
  /** docker refuses it. */
  readonly refused?: true
}

export interface ParityCase extends Draft {
  /** The construct in a few words, unique in its group. */
  readonly name: string
  readonly group: string
}

type Rest = Omit<Draft, 'dockerfile'>

export const dockerfile = (text: string, rest: Rest = {}): Draft => ({ ...rest, dockerfile: text })
export const busybox = (lines: string, rest: Rest = {}): Draft => dockerfile(`FROM %busybox%\n${lines}\n`, rest)
export const debian = (lines: string, rest: Rest = {}): Draft => dockerfile(`FROM %debian%\n${lines}\n`, rest)

export const group = (name: string, drafts: Readonly<Record<string, Draft>>): readonly ParityCase[] =>
  Object.entries(drafts).map(([construct, draft]) => ({ ...draft, name: construct, group: name }))

/** How a case is named in lists and golden files. */
export const idOf = ({ group: of, name }: ParityCase): string => `${of}/${name}`
