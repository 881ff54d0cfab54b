/** The built `slipway` in a runner pod, as an administrator would call it with kubectl exec. */
import { readFile } from 'node:fs/promises'
import { HOME, NODE, type RunnerPod } from './runner-pod.ts'

const DIRECTORY = `${HOME}/k8s`
const NAME = 'slipway.js'

/** Settings by the names of their variables; undefined takes one away. */
export type Changes = Readonly<Record<string, string | undefined>>

export async function installCli(pod: RunnerPod): Promise<void> {
  await pod.write(DIRECTORY, { [NAME]: await readFile(new URL(`../../../dist/${NAME}`, import.meta.url), 'utf8') })
}

/** A command line for the pod, with an environment as the hook would have it. */
export function cli(settings: Changes, ...args: readonly string[]): string[] {
  const variables = Object.entries(settings)
  const set = variables.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  const unset = variables.flatMap(([name, value]) => (value === undefined ? ['-u', name] : []))
  return ['env', ...unset, ...set, NODE, `${DIRECTORY}/${NAME}`, ...args]
}
