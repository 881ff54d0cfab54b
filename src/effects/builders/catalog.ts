/** The builders there are. A new one is a file of its own and a line here. */
import { buildkit } from './buildkit.ts'
import { buildkitInPod } from './buildkit-in-pod.ts'
import type { BuilderDefinition } from './definition.ts'
import { kaniko } from './kaniko.ts'

/** By the name they are chosen by. */
export const BUILDERS = { kaniko, 'buildkit-in-pod': buildkitInPod, buildkit } as const satisfies Readonly<
  Record<string, BuilderDefinition>
>

export type BuilderName = keyof typeof BUILDERS

/** The builder that is used when none is chosen. */
export const defaultBuilder: BuilderDefinition = BUILDERS.kaniko
