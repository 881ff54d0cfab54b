/** What happens in one simulated job, as data: its containers, its steps with what they do, and what goes wrong on the way. */
import type { BuildStory, Fault, Outage, PodCourse } from './story.ts'

/** What a script or an action does, one after the other. */
export type Deed =
  | { readonly does: 'say'; readonly text: string }
  | { readonly does: 'wait'; readonly ms: number }
  /** Below the workspace. */
  | { readonly does: 'write'; readonly path: string; readonly text: string }
  | { readonly does: 'remove'; readonly path: string }
  /** Adds a line to the step's GITHUB_OUTPUT. */
  | { readonly does: 'output'; readonly text: string }
  /** Writes a file below the workspace, and names it in the step's GITHUB_ARTIFACTS. */
  | { readonly does: 'artifact'; readonly path: string; readonly text: string }
  /** Leaves a file beside the file commands. */
  | { readonly does: 'plant'; readonly name: string }

export interface StepStory {
  /** Names the step; no two of a job have the same. */
  readonly id: string
  readonly runs: 'script' | 'image' | 'Dockerfile'
  readonly deeds: readonly Deed[]
  readonly exitCode: number
  /** Given to the runner's signals: milliseconds after the step began. */
  readonly orders?: readonly { readonly does: 'cancel' | 'kill'; readonly atMs: number }[] | undefined
  /** Of a step's own pod. */
  readonly course?: PodCourse | undefined
  /** What the log says when the step does not end as its program does. */
  readonly fails?: RegExp | undefined
}

export interface ServiceStory {
  readonly image: string
  readonly readyAfterMs: number
}

export interface JobStory {
  readonly mode: 'copy' | 'volume'
  /** Undefined: the job has no job container, and no prepare_job. */
  readonly job?:
    | {
        readonly image: string
        readonly services: readonly ServiceStory[]
        readonly course: PodCourse
        /** What pulls a private image. */
        readonly password?: string | undefined
      }
    | undefined
  /** One after the other; the steps of one entry side by side. */
  readonly steps: readonly (readonly StepStory[])[]
  readonly builds: readonly BuildStory[]
  /** How often something is built; undefined: as often as it takes. */
  readonly buildsMax?: number | undefined
  /** Files that the workspace has got since an earlier job of the same runner, which nobody has cleaned up. */
  readonly earlier?: Readonly<Record<string, string>> | undefined
  /** How long what was deleted is still there. */
  readonly lingerMs?: number | undefined
  /** Who deletes things of the runner's meanwhile; since the beginning. */
  readonly sweeps?: readonly { readonly atMs: number; readonly what: RegExp }[] | undefined
  /** Name of the Secret with which images are pushed. */
  readonly pushSecret?: string | undefined
  /** What prepare_job says when it fails. */
  readonly prepareFails?: RegExp | undefined
  readonly faults: readonly Fault[]
  readonly outage?: Outage | undefined
  /** From then on nothing goes wrong any more, and only then cleanup_job comes; since the beginning. */
  readonly weatherMs?: number | undefined
}

export const SMOOTH: PodCourse = {
  scheduledAfterMs: 0,
  pullFailures: 0,
  pullMessage: '',
  startedAfterMs: 100,
  reportedAfterMs: 100
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Where programs leave word of themselves, whatever becomes of their container. */
export const WITNESS = '/.witness'

const print = (text: string): string => `printf '%s\\n' ${quote(text)}`

function lineOf(deed: Deed): string {
  switch (deed.does) {
    case 'say':
      return print(deed.text)
    case 'wait':
      return `sleep ${deed.ms / 1_000}`
    case 'write':
    case 'artifact': {
      const write = `mkdir -p "$(dirname ${quote(deed.path)})" && ${print(deed.text)} >${quote(deed.path)}`
      return deed.does === 'write' ? write : `${write} && ${print(deed.path)} >>"$GITHUB_ARTIFACTS"`
    }
    case 'remove':
      return `rm -rf ${quote(deed.path)}`
    case 'output':
      return `${print(deed.text)} >>"$GITHUB_OUTPUT"`
    case 'plant':
      return `echo planted >"$(dirname "$GITHUB_OUTPUT")/${deed.name}"`
  }
}

/** The shell program of a step. It first writes down that it was started, and what it sees. */
export const programOf = ({ id, deeds, exitCode }: Pick<StepStory, 'id' | 'deeds' | 'exitCode'>): string =>
  [
    `echo started >>${WITNESS}/${id}`,
    `grep -r "" . | sort >${WITNESS}/${id}.seen`,
    `ls "$(dirname "$GITHUB_OUTPUT")" >${WITNESS}/${id}.commands`,
    ...deeds.map(lineOf),
    `echo ended >>${WITNESS}/${id}`,
    `exit ${exitCode}`,
    ''
  ].join('\n')

/** What a step prints. */
export const printedBy = ({ deeds }: Pick<StepStory, 'deeds'>): string =>
  deeds.flatMap((deed) => (deed.does === 'say' ? [`${deed.text}\n`] : [])).join('')
