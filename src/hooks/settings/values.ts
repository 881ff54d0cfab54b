/** How the text of an environment variable becomes a value, for the table of settings. */
import type { Mirror } from '../../effects/builders/definition.ts'

/** One variable. Texts are Markdown; an empty variable counts as unset. */
export interface Setting {
  readonly variable: string
  /** What holds without it. */
  readonly unset: string
  readonly meaning: string
  /** Throws a WrongValue. */
  readonly parse: (given: string) => unknown
  /** It has to be set; this says how it gets set. */
  readonly required?: string
}

/** What a parser throws: the end of a sentence that begins with the variable's name. */
export class WrongValue extends Error {
  override readonly name = 'WrongValue'
}

/** Switches off what is on without a setting. */
export const OFF = 'off'

/** Takes text that matches as it is. */
const matching =
  (pattern: RegExp, wanted: string) =>
  (given: string): string => {
    if (pattern.test(given)) return given
    throw new WrongValue(`must be ${wanted}`)
  }

export const text = (given: string): string => given

export const kubernetesName = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  'a Kubernetes name: a-z, 0-9, - and .'
)

export const absolutePath = matching(/^\//, 'an absolute path')

/** Of a file below a directory that somebody else knows. */
export const pathBelow = matching(
  /^(?!\.\.?(?:\/|$))[\w.-]+(?:\/(?!\.\.?(?:\/|$))[\w.-]+)*$/,
  'a path below a directory, such as slipway/buildkit.json'
)

export function directoryOrOff(given: string): string {
  if (given === OFF || given.startsWith('/')) return given
  throw new WrongValue(`must be an absolute path or ${OFF}`)
}

const HOST = /([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/.source
/** Of a repository's name (OCI distribution specification, "Pulling manifests"). */
const PATH_PART = /[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*/.source

const HOST_ALONE = new RegExp(`^${HOST}$`)
const HOST_AND_PATH = new RegExp(`^${HOST}(/${PATH_PART})*$`)

export const hostName = matching(HOST_ALONE, 'host[:port], without scheme and path')

export const hostAndPath = matching(HOST_AND_PATH, 'host[:port][/path], without scheme and in lower case')

/** `true` or `false`. */
export function flag(given: string): boolean {
  if (given === 'true' || given === 'false') return given === 'true'
  throw new WrongValue('must be true or false')
}

/** A TCP address as gRPC clients write it. */
export const tcpAddress = matching(
  /^tcp:\/\/([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/,
  'tcp://host:port'
)

export const oneOf =
  <Name extends string>(names: readonly Name[]) =>
  (given: string): Name => {
    const found = names.find((name) => name === given)
    if (found !== undefined) return found
    throw new WrongValue(`must be ${names.join(' or ')}`)
  }

/** A whole number from 1 to 9999. */
export function smallNumber(given: string): number {
  if (/^[1-9]\d{0,3}$/.test(given)) return Number(given)
  throw new WrongValue('must be a whole number from 1 to 9999')
}

export function port(given: string): string {
  if (/^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) <= 65_535) return given
  throw new WrongValue('must be a port number from 1 to 65535')
}

/** Comma-separated; empty ones are left out. */
export const list = (given: string): readonly string[] => given.split(',').flatMap((item) => item.trim() || [])

/** Pairs of a registry and its mirror, comma-separated; of several mirrors of one registry the first is asked first. */
export const mirrors = (given: string): readonly Mirror[] =>
  list(given).map((pair) => {
    const [registry = '', mirror = '', ...more] = pair.split('=')
    if (more.length === 0 && HOST_ALONE.test(registry) && HOST_AND_PATH.test(mirror)) return { registry, mirror }
    throw new WrongValue('must be host[:port]=host[:port][/path], comma-separated')
  })
