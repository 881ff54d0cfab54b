/** Runs the built `slipway doctor` in a runner pod, as an administrator would with kubectl exec. */
import { expect } from 'vitest'
import { type Changes, cli } from './cli.ts'
import { REGISTRY_ENVIRONMENT } from './hook.ts'
import type { RunnerPod } from './runner-pod.ts'

export interface CheckResult {
  readonly name: string
  readonly status: 'pass' | 'warn' | 'fail' | 'skipped'
  readonly why: string
  readonly fix?: string
}

export interface Diagnosis {
  readonly exitCode: number
  readonly checks: readonly CheckResult[]
}

/** The command line of doctor in the pod, with changes to the settings of a set-up that works. */
export const doctorCommand = (changes: Changes, ...args: readonly string[]): string[] =>
  cli({ ...REGISTRY_ENVIRONMENT, ...changes }, 'doctor', ...args)

export async function diagnose(pod: RunnerPod, changes: Changes = {}): Promise<Diagnosis> {
  const { exitCode, stdout, stderr } = await pod.exec(doctorCommand(changes, '--json'))
  try {
    return { exitCode, checks: JSON.parse(stdout).checks }
  } catch {
    throw new Error(`doctor exited with ${exitCode} and wrote no JSON:\n${stdout}\n${stderr}`)
  }
}

export const failed = (checks: readonly CheckResult[]): readonly CheckResult[] =>
  checks.filter(({ status }) => status === 'fail')

/** Doctor finds this fault and no other, says why, and names the fix. */
export async function expectFault(
  pod: RunnerPod,
  changes: Changes,
  name: string,
  why: RegExp,
  fix: RegExp
): Promise<void> {
  const { exitCode, checks } = await diagnose(pod, changes)
  const faults = failed(checks)
  expect(
    faults.map((check) => check.name),
    JSON.stringify(faults)
  ).toEqual([name])
  expect(faults[0]?.why).toMatch(why)
  expect(faults[0]?.fix).toMatch(fix)
  expect(exitCode).toBe(1)
}
