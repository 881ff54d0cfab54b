/** What every command of the hook is given, and how failures are shown, for the files that each hold one command. */

import type { JobOptions } from '../effects/kubernetes/job-host.ts'
import type { KubernetesDependencies, KubernetesOptions } from '../effects/kubernetes/options.ts'
import type { ScriptOptions } from '../effects/kubernetes/script-family.ts'
import type { Reporter } from '../effects/reporter.ts'
import type { JobPorts, ScriptPorts, StepPorts } from '../machines/ports.ts'
import type { Failure } from '../machines/types.ts'
import type { HookConfig } from './config.ts'
import type { OrderTrace } from './order-trace.ts'
import type { HookCommand, HookInput } from './protocol.ts'

/** What each command needs of Kubernetes, loaded when it is needed: loading all of it takes longer than a short step. */
export interface Families {
  steps(): Promise<{ createKubernetesPorts(options: KubernetesOptions, deps: KubernetesDependencies): StepPorts }>
  jobs(): Promise<{ createJobPorts(options: JobOptions, deps: KubernetesDependencies): JobPorts }>
  scripts(): Promise<{ createScriptPorts(options: ScriptOptions, deps: KubernetesDependencies): ScriptPorts }>
  cleanup(): Promise<{
    cleanUpJob(
      options: KubernetesOptions,
      deps: KubernetesDependencies,
      signal: AbortSignal
    ): Promise<readonly string[]>
  }>
}

/** One of them. */
export type Family<Name extends keyof Families> = Awaited<ReturnType<Families[Name]>>

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
  /** The record of this order; undefined when none is wanted. */
  readonly trace?: OrderTrace | undefined
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
