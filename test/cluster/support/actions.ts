/** Puts actions onto the runner's disk, where the runner itself would have downloaded them. */
import { type RunnerPod, type Tree, WORK } from './runner-pod.ts'

/** Writes an action's directory and returns its path, as `uses: owner/<name>@v1` gives it. */
export async function installAction(pod: RunnerPod, name: string, tree: Tree): Promise<string> {
  const directory = `${WORK}/_actions/owner/${name}/v1`
  await pod.write(directory, tree)
  return directory
}

/** A Dockerfile of a small image that is there, followed by `lines`. */
export const dockerfile = (base: string, ...lines: readonly string[]): string =>
  `${[`FROM ${base}`, ...lines].join('\n')}\n`

/** A shell program as a file of an action. */
export const program = (...lines: readonly string[]) => ({ program: `${['#!/bin/sh', ...lines].join('\n')}\n` })
