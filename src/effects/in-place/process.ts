/** Which process docker would start from an image that was just built, for the hook that starts it in the builder's own container. */
import * as z from 'zod/mini'
import { StepError } from '../../errors.ts'
import type { StepRequest } from '../../machines/types.ts'
import { commandOf, type ImageConfig } from '../image-config.ts'
import { type User, type UserFiles, userOf } from './user.ts'

/** The part of an OCI image configuration that says how to run it, without WORKDIR, which the runner always replaces. */
export interface BuiltConfig extends ImageConfig {
  readonly User?: string | null | undefined
  readonly Env?: readonly string[] | null | undefined
}

export interface BuiltRoot extends UserFiles {
  readonly config: BuiltConfig
}

export interface Process {
  /** At least one word; the first is looked up in the PATH of `env`. */
  readonly argv: readonly string[]
  /** All that the program gets. */
  readonly env: Readonly<Record<string, string>>
  /** Made where it is missing. */
  readonly workingDirectory: string
  readonly user: User
}

/** As much as is read of a file of the built image. */
export const BUILT_FILE_BYTES_MAX = 1024 * 1024
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const words = z.optional(z.nullable(z.array(z.string())))
const CONFIG = z.object({
  config: z.optional(
    z.nullable(z.object({ User: z.optional(z.nullable(z.string())), Env: words, Entrypoint: words, Cmd: words }))
  )
})

/** The text of an image's configuration, which a build may have written itself; `start-failed` when it is none. */
export function readConfig(text: string): BuiltConfig {
  if (text.length <= BUILT_FILE_BYTES_MAX) {
    const { data, success } = z.safeParse(CONFIG, parsed(text))
    if (success) return data.config ?? {}
  }
  throw new StepError('start-failed', 'the built action cannot start: the configuration of its image is not one')
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Request = Pick<StepRequest, 'entryPoint' | 'args' | 'env' | 'workingDirectory'>

/** `hostname`: what the container is called, which docker tells a program. */
export function processOf(root: BuiltRoot, request: Request, hostname: string): Process {
  const argv = commandOf(root.config, request)
  if (argv.length === 0) {
    throw new StepError(
      'start-failed',
      'the built action cannot start: no command specified: its Dockerfile has neither ENTRYPOINT nor CMD'
    )
  }
  const { home, ...user } = userOf(root.config.User ?? '', root)
  const env = new Map([['PATH', DEFAULT_PATH], ['HOSTNAME', hostname], ...imageEnv(root.config)])
  for (const [name, value] of Object.entries(request.env)) env.set(name, value)
  if (!env.has('HOME')) env.set('HOME', home)
  return { argv, env: Object.fromEntries(env), workingDirectory: request.workingDirectory, user }
}

/** What has no name or no value is no variable. */
const imageEnv = ({ Env }: BuiltConfig): readonly (readonly [string, string])[] =>
  (Env ?? []).flatMap((line) => {
    const at = line.indexOf('=')
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
  })
