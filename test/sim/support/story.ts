/** How a simulated cluster behaves, as data: what becomes of the pods of one step, and what goes wrong on the way there. */

/** A program in a container. Times in milliseconds since it was started. */
export interface Program {
  readonly lines: readonly { readonly atMs: number; readonly text: string }[]
  readonly endsAfterMs: number
  readonly exitCode: number
}

export const MISHAPS = ['out of memory', 'evicted', 'node lost', 'deleted by others'] as const

/** What befalls a pod that is not its programs' doing; milliseconds since it was created. */
export interface Mishap {
  readonly kind: (typeof MISHAPS)[number]
  readonly afterMs: number
}

/** What a pod meets before its first program runs, and while it does. */
export interface PodCourse {
  readonly scheduledAfterMs: number
  /** How often the kubelet fails to pull the image first, and with what words. */
  readonly pullFailures: number
  readonly pullMessage: string
  readonly startedAfterMs: number
  /** The node's runtime knows none: it makes no sandbox for a pod that asks for one. */
  readonly withoutUserNamespaces?: boolean | undefined
  /** From the end of a program until the kubelet's report of it has arrived. */
  readonly reportedAfterMs: number
  readonly mishap?: Mishap | undefined
}

/** A pod whose first program is a simulated one. */
export interface PodStory extends PodCourse {
  readonly program: Program
}

/** One try of the push. */
export interface PushTry {
  readonly endsAfterMs: number
  readonly isAccepted: boolean
}

export interface BuildStory extends PodStory {
  /** The tries, one after the other; the last one stands for all further ones. */
  readonly pushes: readonly PushTry[]
}

/** A call of the API server, in words of RBAC, or of the registry. */
export const CALLS = [
  'get pods',
  'create pods',
  'delete pods',
  'create secrets',
  'delete secrets',
  'get pods/log',
  'get pods/exec',
  'registry'
] as const
export type CallName = (typeof CALLS)[number]

/** `reset`: the connection is cut. `status`: an answer that says no. `after`: what was asked for was done all the same. */
export type Trouble =
  | { readonly does: 'reset'; readonly after: boolean }
  | { readonly does: 'status'; readonly status: number; readonly retryAfterSeconds?: number; readonly after: boolean }
  /** The connection is cut in the middle of the answer; of a followed log and of a command, after so many bytes. */
  | { readonly does: 'cut'; readonly afterBytes: number }
  /** Nothing comes and nothing is taken any more, and nobody says so. */
  | { readonly does: 'silent'; readonly afterBytes: number }
  /** Of a command: its input ends there, or the rest of its output gets lost, and all the same it is said to have ended as it did. */
  | { readonly does: 'lose'; readonly what: 'stdin' | 'stdout'; readonly afterBytes: number }

/** Something that goes wrong between the hook and the cluster: `times` calls from the `nth` on (from 0). */
export interface Fault {
  readonly call: CallName
  readonly nth: number
  readonly times: number
  readonly trouble: Trouble
}

/** The API server is away for a while. Milliseconds since the beginning. */
export interface Outage {
  readonly fromMs: number
  readonly forMs: number
}

/** `cancel`: a signal of the runner. `kill`: the hook's process is gone, and cleanup_job comes instead. */
export interface Order {
  readonly does: 'cancel' | 'kill'
  readonly atMs: number
}

/** Everything that decides how one step goes. */
export interface Scenario {
  readonly asksFor: 'image' | 'Dockerfile'
  /** By attempt; the last one is for all further attempts. */
  readonly builds: readonly BuildStory[]
  readonly step: PodStory
  readonly faults: readonly Fault[]
  readonly outage?: Outage | undefined
  readonly orders: readonly Order[]
  /** In a job with a job pod whose Dockerfile is built ahead. */
  readonly ahead?: AheadStory | undefined
}

/** A build that no step has asked for yet; the step comes `headStartMs` after its beginning. */
export interface AheadStory {
  readonly headStartMs: number
  /** When its process is killed, since its beginning. */
  readonly killedAtMs?: number | undefined
}
