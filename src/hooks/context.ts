/** What the hook and every command of it is given, and how failures are shown, for the files that each hold one command. */
import type { Readable } from 'node:stream'
import type { AheadBackend } from '../effects/kubernetes/container-step/ahead.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../effects/kubernetes/context/options.ts'
import type { JobOptions } from '../effects/kubernetes/job/host.ts'
import type { ScriptOptions } from '../effects/kubernetes/script/backend.ts'
import type { Reporter } from '../effects/log/reporter.ts'
import type { TraceEnd } from '../effects/log/trace.ts'
import type { Observer } from '../effects/run/wire.ts'
import type { CleanupPorts, JobPorts, ScriptPorts, StepPorts } from '../machines/ports.ts'
import type { Failure } from '../machines/run.ts'
import type { HookCommand, HookInput } from './requests/protocol.ts'
import type { HookConfig } from './settings/config.ts'

/** What each command needs of Kubernetes, loaded when it is needed: loading all of it takes longer than a short step. */
export interface Backends {
  steps(): Promise<{ createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts }>
  ahead(): Promise<{ createAheadBackend(options: KubernetesOptions, deps: KubernetesDependencies): AheadBackend }>
  jobs(): Promise<{ createJobPorts(options: JobOptions, deps: KubernetesDependencies): JobPorts }>
  scripts(): Promise<{ createScriptPorts(options: ScriptOptions, deps: KubernetesDependencies): ScriptPorts }>
  cleanup(): Promise<{ createCleanupPorts(options: KubernetesOptions, deps: KubernetesDependencies): CleanupPorts }>
}

/** How the runner cancels a command: SIGINT, then SIGTERM. */
export interface Cancellation {
  /** Calls `listener` for every cancel, those that came before included. Returns how to stop listening. */
  listen(listener: () => void): () => void
  /** Aborted by the first one. */
  readonly signal: AbortSignal
}

/** What one call of the hook needs of the process it happens in. */
export interface HookDependencies extends KubernetesDependencies {
  readonly stdin: Readable
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly backends: Backends
  readonly cancels: Cancellation
  /** Starts build_ahead as a process that nobody waits for. */
  readonly startAhead: () => Promise<void>
  /** Told what a forced exit from here on may leave behind. */
  readonly mayRemain: (what: string) => void
}

/** The record of one command. */
export interface CommandTrace {
  readonly observer: Observer
  /** Resolves when all is written; later ends are ignored. */
  end(output: TraceEnd): Promise<void>
}

/** Everything a command works with. */
export interface CommandContext extends KubernetesDependencies, Pick<HookDependencies, 'startAhead'> {
  readonly config: HookConfig
  readonly backends: Backends
  readonly cancels: Cancellation
  /** Undefined when no trace is wanted. */
  readonly trace?: CommandTrace | undefined
}

type InputOf<Name extends HookCommand> = Extract<HookInput, { command: Name }>

/** Carries out one command of the runner. Resolves with the exit code; rejects with a StepError that was not shown yet. */
export type Command<Name extends HookCommand> = (input: InputOf<Name>, context: CommandContext) => Promise<number>

/** Exactly one annotation for a failure; what only the operator needs stands before it as plain lines. */
export function showFailure(reporter: Reporter, failure: Pick<Failure, 'message' | 'detail'>): void {
  reporter.endGroup()
  for (const line of failure.detail?.split('\n') ?? []) reporter.line(line)
  reporter.error(failure.message)
}
