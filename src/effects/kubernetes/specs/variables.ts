/**
 * Variables whose names the API server refuses, for the containers of the workflow: it takes printable ASCII without `=`, docker takes
 * anything. They reach the program by `env` of its own image, which is given each value by a variable with a name of ours.
 */
import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { StepError } from '../../../errors.ts'
import { unexpanded } from './parts.ts'

/** Servers before Kubernetes 1.32 take letters, digits, `-`, `_` and `.`, and no digit first. */
const TAKEN = /^[ -<>-~]+$/
const OURS = 'SLIPWAY_ENV_'
/** Of a name in a message. */
const SHOWN_LENGTH_MAX = 60

export const isTaken = (name: string): boolean => TAKEN.test(name)

/** What a container runs. Both empty: only the image knows. */
export interface Program {
  readonly entryPoint: readonly string[]
  readonly args: readonly string[]
}

type Start = Pick<V1Container, 'env' | 'command' | 'args'>

/** `own`: what is asked for; `ofImage`: what the image has, where that is known. Throws `not-supported` where it is needed and is not. */
export function startOf(variables: readonly V1EnvVar[], own: Program, ofImage?: Program): Start {
  const env = [...variables]
  const odd = env.filter(({ name }) => !isTaken(name))
  if (odd.length === 0) {
    return {
      // Unset keeps the image's ENTRYPOINT and CMD, so that no shell is needed in it.
      ...(own.entryPoint.length > 0 && { command: own.entryPoint.map(unexpanded) }),
      ...(own.args.length > 0 && { args: own.args.map(unexpanded) }),
      env
    }
  }
  const { entryPoint, args } = whole(own, ofImage) ?? fail(odd)
  const ours = (index: number) => `${OURS}${index}`
  const unset = odd.flatMap((_, index) => ['-u', ours(index)])
  const assigned = odd.map(({ name }, index) => `${unexpanded(name)}=$(${ours(index)})`)
  return {
    env: env.map((one) => (isTaken(one.name) ? one : { ...one, name: ours(odd.indexOf(one)) })),
    command: ['env', ...unset, '--', ...assigned, ...entryPoint.map(unexpanded)],
    ...(args.length > 0 && { args: args.map(unexpanded) })
  }
}

/** As docker puts the two together; undefined where there is nothing to run. */
function whole(own: Program, ofImage: Program | undefined): Program | undefined {
  if (own.entryPoint.length > 0) return own
  if (ofImage === undefined) return undefined
  const args = own.args.length > 0 ? own.args : ofImage.args
  return ofImage.entryPoint.length + args.length > 0 ? { entryPoint: ofImage.entryPoint, args } : undefined
}

/** Whether the image has to be asked what it runs. */
export const needsImage = (names: readonly string[], { entryPoint }: Pick<Program, 'entryPoint'>): boolean =>
  entryPoint.length === 0 && !names.every(isTaken)

function fail(odd: readonly V1EnvVar[]): never {
  const [first = ''] = odd.map(({ name }) => name)
  throw new StepError(
    'not-supported',
    `Kubernetes takes no variable called '${first.slice(0, SHOWN_LENGTH_MAX)}', and to pass it on in another way the entrypoint has to be known: name it in the workflow or the action, or give the variable a name of ASCII characters`
  )
}
