/**
 * What of a Dockerfile's language builders do not agree on: the closed list that each builder's table answers, and what was found of it
 * in one file, for the judge.
 */
import type { Dockerfile, Instruction } from './parse.ts'
import { expand, type Platform, type Stage, type Stages, walk } from './stages.ts'

/** Each with how an author can write it so that every builder builds it. */
export const CONSTRUCTS = {
  // First: all that others add has backslashes.
  'escape-directive': 'write it without backslash and backtick',
  'add-archive': 'unpack it in a RUN, or pack it with gzip',
  'add-archive-owner': 'leave --chown out, and give it away in a RUN after',
  'add-checksum': 'compare the checksum in a RUN',
  'add-git': 'clone the repository in a RUN',
  'add-url-owner': 'name the owner with --chown=0:0',
  'add-over-link': 'remove the link in a RUN before',
  'add-packed': 'copy it with COPY',
  'add-parents': 'make the directory in a RUN before',
  'add-unpack': 'unpack it in a RUN, or copy it with COPY',
  'check-error': 'leave error=true out',
  'command-empty': 'write [] for nothing',
  'copy-exclude': 'leave the files out with a .dockerignore, or remove them in a RUN',
  'copy-linked': 'leave --link out',
  'copy-link': 'name the file that the link leads to, and the whole path of the copy',
  'copy-all-as-well': 'name what there is, or copy the directory as a whole',
  'copy-nothing': 'leave the line out, or name what there is',
  'copy-outside': 'name the path from the root of the build context',
  'copy-owned': 'name the owner with --chown',
  'copy-parents': 'name the whole path of each copy',
  'copy-setuid': 'give the file its mode with --chmod',
  'copy-several': 'put a slash to the end of the destination',
  'copy-user': 'name the group as well, such as --chown=app:app',
  'copy-whole-stage': 'begin with FROM <that stage>, or copy the directories one by one',
  'entrypoint-resets-cmd': 'put CMD into the last stage',
  'expose-range': 'name the ports one by one',
  'from-platform': 'leave the option out, or run the job on nodes of that platform',
  'healthcheck-start-interval': 'leave the option out',
  'heredoc-link': 'name the path that the link leads to',
  'heredoc-name': 'give the text a name without a slash',
  'instruction-case': 'write the instruction in capitals',
  'label-words': 'leave quotes, backslashes and dollars out of the value',
  'other-frontend': 'leave out the line # syntax=',
  'platform-arguments': 'give the argument a value in the Dockerfile',
  'run-device': 'leave the option out',
  'run-heredoc': 'write RUN with && and \\ at the ends of lines, or COPY the script and run it',
  'run-mount': 'copy what is mounted in a stage of its own, or write it without the option',
  'run-mount-relative': 'name the whole path of the target',
  'run-mount-writes': 'mount it with rw where something is written',
  'run-network': 'leave the option out',
  'run-script': 'COPY the script and run it',
  'run-security': 'leave the option out',
  'run-tmpfs': 'leave the option out, and remove in the same RUN what is written there',
  'stage-name-twice': 'give each stage a name of its own',
  'shell-relative': 'name the whole path of the shell',
  'setgid-parent': 'make the directory in a RUN',
  'stage-later': 'put the stage in front of the one that copies from it',
  'stage-files': 'name the file that a link leads to',
  'stage-hard-links': 'copy one of them, and make the others by ln in a RUN',
  'stage-link': 'name the path that the link leads to',
  'stage-modes': 'copy what has such a mode or owner by its own name, or give it that in a RUN after',
  'stage-pipe': 'make it in a RUN of the stage that needs it',
  'user-modifier': 'put the value into an ARG of its own',
  'user-number': 'name the group as well, such as USER 1001:0, or create the user by useradd in a RUN before',
  'workdir-gone': 'name the WORKDIR again after what removes it',
  'workdir-dots': 'write the path without . and ..',
  'volume-then-write': 'put VOLUME to the end of the Dockerfile'
} as const satisfies Readonly<Record<string, string>>

export type Construct = keyof typeof CONSTRUCTS

export const CONSTRUCT_NAMES = Object.keys(CONSTRUCTS) as readonly Construct[]

/**
 * Whether a builder builds it as docker does; `rewritten`: it does once it is written in another way that means the same; `unsure`: mostly,
 * and no text says when, so that it is left to a builder that is sure where there is one.
 */
export type Capability = 'right' | 'rewritten' | 'unsure' | 'refused'
export type CapabilityTable = Readonly<Record<Construct, Capability>>

/** Of a builder that is docker's own. */
export const ALL_RIGHT = Object.fromEntries(CONSTRUCT_NAMES.map((name) => [name, 'right'])) as CapabilityTable

/** Lines that take the place of others. */
export interface Edit {
  readonly line: number
  readonly endLine: number
  readonly lines: readonly string[]
}

/** One construct in one file. */
export interface Finding {
  readonly construct: Construct
  readonly line: number
  /** As the author wrote it. */
  readonly what: string
  /** The same for any builder; undefined where there is none. */
  readonly edits?: readonly Edit[] | undefined
  /** A line among those that ends the build where only the image shows that they do not mean the same. */
  readonly check?: string | undefined
}

/** What ADD makes of a file that it does not copy as it is. */
export type Archive =
  | {
      readonly kind: 'archive'
      /** Directories in it with a mode or owner of their own, whose parents are made when they are. */
      readonly orphans: readonly string[]
    }
  /** Packed, and no archive. */
  | { readonly kind: 'packed' }
  /** In a way that not every builder reads. */
  | { readonly kind: 'unreadable' }

/** What of a build context decides how it is copied; paths are relative to it. */
export interface Context {
  /** Where each link leads, as it is written. */
  readonly links: ReadonlyMap<string, string>
  /** With their modes. */
  readonly directories: ReadonlyMap<string, number>
  /** All there is. */
  readonly paths: ReadonlySet<string>
  readonly archives: ReadonlyMap<string, Archive>
  /** Files with setuid or setgid, with their modes. */
  readonly special: ReadonlyMap<string, number>
}

/** One Dockerfile with all that decides what it means. */
export interface Subject {
  readonly dockerfile: Dockerfile
  readonly stages: Stages
  readonly platform: Platform
  readonly context: Context
}

export type Finder = (subject: Subject) => readonly Finding[]

/** How much of an instruction an annotation shows. */
const SHOWN_LENGTH_MAX = 60
export const shown = (text: string): string =>
  text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}…`

/** What a stage carries out: what it begins with may have left it something to do, which no edit can reach. */
export const carriedOut = ({ base, instructions }: Stage): readonly Instruction[] => [
  ...(base?.instructions.flatMap(({ trigger }) => trigger ?? []) ?? []),
  ...instructions
]

export const isTrigger = (stage: Stage, instruction: Instruction): boolean => !stage.instructions.includes(instruction)

/** In place of an instruction, on as many lines: what follows stays where it was. */
export function inPlaceOf({ line, endLine }: Instruction, ...lines: readonly string[]): Edit {
  const missing = endLine - line + 1 - lines.length
  return { line, endLine, lines: [...lines, ...Array.from({ length: Math.max(0, missing) }, () => '')] }
}

/** Most files have none of most options. */
export const hasFlag = ({ instructions }: Dockerfile, start: string): boolean =>
  instructions.some(({ flags, trigger }) =>
    [...flags, ...(trigger?.flags ?? [])].some((flag) => flag.startsWith(start))
  )

/** What is there stays. */
export const before = ({ line }: Instruction, ...lines: readonly string[]): Edit => ({ line, endLine: line - 1, lines })

/** Also where the file ends without a newline. */
export function after({ lines }: Dockerfile, { endLine }: Instruction, ...added: readonly string[]): Edit {
  const text = (lines[endLine - 1] ?? '').replace(/\r?\n$/, '')
  return { line: endLine, endLine, lines: [text, ...added] }
}

/** An instruction in one line; undefined where its options would have to be quoted. */
export function inOneLine({ name, flags }: Instruction, rest: string, otherFlags = flags): string | undefined {
  return otherFlags.some((flag) => /[\s'"\\`]/.test(flag)) ? undefined : [name, ...otherFlags, rest].join(' ')
}

/** By the instruction as it is written. */
export const finding = (
  construct: Construct,
  { name, rest, line }: Instruction,
  edits?: readonly Edit[] | undefined,
  check?: string
): Finding => ({ construct, line, what: shown(`${name} ${rest}`), edits, check })

/** Where RUN works there is most often this shell; without it the build ends as well. */
export const runChecked = (script: string): string => `RUN ${JSON.stringify(['/bin/sh', '-c', script])}`

/** The word without its variables; undefined where one is not known. */
export type Read = (word: string) => string | undefined

/** Looks at the instructions with one of these names in the stages that the image needs. */
export const finderOf =
  (
    names: readonly string[],
    look: (instruction: Instruction, read: Read, subject: Subject, stage: Stage) => readonly Finding[]
  ): Finder =>
  (subject) =>
    subject.stages.used.flatMap((stage) => {
      const found: Finding[] = []
      walk(subject.stages, subject.dockerfile, stage, (instruction, lookUp, own) => {
        const read: Read = (word) => expand(word, lookUp, subject.dockerfile)
        if (own === stage && names.includes(instruction.name)) found.push(...look(instruction, read, subject, stage))
      })
      return found
    })

/** One line in the place of an instruction; undefined where there is none. */
export const replaced = (instruction: Instruction, line: string | undefined): readonly Edit[] | undefined =>
  line === undefined ? undefined : [inPlaceOf(instruction, line)]
