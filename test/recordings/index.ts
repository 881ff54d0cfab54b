/**
 * One complete order of GitHub's runner of each kind, and what the runner does with the answer: the measure of the tests that play the
 * runner. Written by hand from the runner's published source (docs/runner-protocol.md says which version), not recorded from a running one.
 */
import { readFileSync } from 'node:fs'

interface Kind {
  /** When the runner sends it. */
  readonly when: string
}

const KINDS = {
  'prepare-job': { when: 'a job with a job container' },
  'prepare-job-everything': {
    when: 'a job container and services with options, credentials, ports, volumes, entrypoint and command'
  },
  'prepare-job-services-only': { when: 'services without a job container' },
  'run-container-step-image': { when: 'uses: docker://, with entrypoint and args' },
  'run-container-step-dockerfile': { when: 'an action with a Dockerfile, its main stage' },
  'run-container-step-pre': { when: 'its pre-entrypoint' },
  'run-container-step-post': { when: 'its post-entrypoint, with the state that main saved' },
  'run-container-step-self': { when: 'uses: $/path, an action of the repository of the workflow itself' },
  'run-container-step-no-job': { when: 'an action in a job without a job container' },
  'run-script-step': { when: 'run:, with the default shell' },
  'run-script-step-bash': { when: 'run: with shell: bash, a working directory, and paths that steps have added' },
  'run-script-step-composite': { when: 'a run: of a composite action' },
  'run-script-step-javascript': { when: 'a JavaScript action' },
  'run-script-step-background': { when: 'run: with background: true, while other steps run; nothing in it says so' },
  'run-script-step-debugger': { when: 'a line that somebody types into the debugger, between two steps' },
  'cleanup-job': { when: 'the end of every job with containers' },
  'cleanup-job-not-prepared': { when: 'the same, after prepare_job failed or was killed' }
} as const satisfies Readonly<Record<string, Kind>>

export type RecordingName = keyof typeof KINDS

/** A mount as the runner writes it. */
export interface RecordedMount {
  readonly userProvidedValue: string | null
  readonly sourceVolumePath: string | null
  readonly targetVolumePath: string
  readonly readOnly: boolean
}

/** What every order has; its `args` depend on the command. */
export interface Order {
  readonly command: 'prepare_job' | 'cleanup_job' | 'run_script_step' | 'run_container_step'
  readonly responseFile: string
  readonly args: Readonly<Record<string, unknown>>
  readonly state: Readonly<Record<string, unknown>> | null
}

export const RECORDINGS = Object.entries(KINDS).map(([name, { when }]) => ({ name: name as RecordingName, when }))

/** The order, its members in the order in which the runner writes them. */
export const recordedOrder = (name: RecordingName): Order =>
  JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as Order

/** The bytes that the runner writes to the hook's standard input: one line, without spaces, nulls written out. */
export const asWritten = (order: Order): string => `${JSON.stringify(order)}\n`
