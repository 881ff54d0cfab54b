/** Runs the built `slipway doctor` in a runner pod, as an administrator would with kubectl exec. */
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { REGISTRY_ENVIRONMENT } from './hook.ts'
import { HOME, NODE, type RunnerPod } from './runner-pod.ts'

const PROGRAM = `${HOME}/k8s/slipway.js`

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

/** Settings that differ from those of a set-up that works; undefined takes one away. */
export type Changes = Readonly<Record<string, string | undefined>>

const bundle = (): Promise<string> => readFile(new URL('../../../dist/slipway.js', import.meta.url), 'utf8')

export async function installDoctor(pod: RunnerPod): Promise<void> {
  await pod.write(`${HOME}/k8s`, { 'slipway.js': await bundle() })
}

/** The command line of doctor in the pod, with the environment that the hook would have. */
export function doctorCommand(changes: Changes, ...args: readonly string[]): string[] {
  const variables = Object.entries({ ...REGISTRY_ENVIRONMENT, ...changes })
  const set = variables.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  const unset = variables.flatMap(([name, value]) => (value === undefined ? ['-u', name] : []))
  return ['env', ...unset, ...set, NODE, PROGRAM, 'doctor', ...args]
}

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
