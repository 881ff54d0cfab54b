/** What every command of the hook is given, and how failures are shown, for the files that each hold one command. */

import type { JobOptions } from '../effects/kubernetes/job-host.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../effects/kubernetes/options.ts'
import type { ScriptOptions } from '../effects/kubernetes/script-family.ts'
import type { Reporter } from '../effects/reporter.ts'
import type { JobPorts, ScriptPorts, StepPorts } from '../machines/ports.ts'
import type { Failure } from '../machines/types.ts'
import type { HookConfig } from './config.ts'
import type { HookCommand, HookInput } from './protocol.ts'

/** The parts of effects/kubernetes/family that the commands use. */
export interface KubernetesFamily {
  createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts
  createJobPorts(options: JobOptions, deps: KubernetesDependencies): JobPorts
  cleanUpJob(options: KubernetesOptions, deps: KubernetesDependencies, signal: AbortSignal): Promise<void>
}

/** The part of effects/kubernetes/script-family that scripts use. */
export interface ScriptFamily {
  createScriptPorts(options: ScriptOptions, deps: KubernetesDependencies): ScriptPorts
}

/** The families of ports, loaded when they are needed: a Kubernetes client takes longer to load than a mistake to find. */
export interface Families {
  kubernetes(): Promise<KubernetesFamily>
  /** Apart from the others, because most calls of the hook are scripts, and most scripts are short. */
  scripts(): Promise<ScriptFamily>
}

/** The runner's orders to stop: SIGINT, then SIGTERM. */
export interface StopOrders {
  /** Calls `listener` for every order, those that came before included. Returns how to stop listening. */
  listen(listener: () => void): () => void
  /** Aborted by the first order. */
  readonly signal: AbortSignal
}

/** Everything a command works with. */
export interface CommandContext extends KubernetesDependencies {
  readonly config: HookConfig
  readonly families: Families
  readonly orders: StopOrders
}

type InputOf<Name extends HookCommand> = Extract<HookInput, { command: Name }>

/** Carries out one order of the runner. Resolves with the exit code; rejects with a StepError that was not shown yet. */
export type Command<Name extends HookCommand> = (input: InputOf<Name>, context: CommandContext) => Promise<number>

/** Exactly one annotation for a failure; what only the operator needs stands before it as plain lines. */
export function showFailure(reporter: Reporter, failure: Pick<Failure, 'message' | 'detail'>): void {
  reporter.endGroup()
  for (const line of failure.detail?.split('\n') ?? []) reporter.line(line)
  reporter.error(failure.message)
}
