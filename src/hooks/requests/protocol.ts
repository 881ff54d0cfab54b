/** The runner's side of the conversation: what arrives on stdin, checked, for the hook's commands. */
import { addAbortSignal, type Readable } from 'node:stream'
// The small one: it is loaded for every command before anything else.
import * as z from 'zod/mini'
import { StepError } from '../../errors.ts'

/** More than any step's environment and arguments; the runner's own limit on one variable is far below. */
export const INPUT_BYTES_MAX = 16 * 1024 * 1024

/** The runner writes nulls; other callers leave fields out. Both mean the same here. */
const optional = <Value>(schema: z.ZodMiniType<Value>) =>
  z.pipe(
    z.nullish(schema),
    z.transform((value) => value ?? undefined)
  )
const list = <Value>(schema: z.ZodMiniType<Value>) =>
  z.pipe(
    z.nullish(z.array(schema)),
    z.transform((value) => value ?? [])
  )

const environment = z.pipe(
  z.nullish(z.record(z.string().check(z.regex(/^[^=\0]+$/)), z.nullable(z.string()))),
  z.transform((value) => Object.fromEntries(Object.entries(value ?? {}).map(([key, text]) => [key, text ?? ''])))
)

/** hook-protocol section 2, Mount. A source may be the name of a volume, or null for a new empty one. */
const mount = z.object({
  sourceVolumePath: optional(z.string()),
  targetVolumePath: z.string(),
  readOnly: optional(z.boolean())
})

const registry = z.object({
  username: optional(z.string()),
  password: optional(z.string()),
  serverUrl: optional(z.string())
})

/** The fields of every container object; services and job containers use more of them than container steps do. */
const container = z.object({
  image: optional(z.string()),
  dockerfile: optional(z.string()),
  entryPoint: optional(z.string()),
  entryPointArgs: list(z.string()),
  workingDirectory: optional(z.string()),
  createOptions: optional(z.string()),
  environmentVariables: environment,
  portMappings: list(z.string()),
  userMountVolumes: list(mount),
  systemMountVolumes: list(mount),
  registry: optional(registry)
})

const prepareJobArgs = z.object({ container: optional(container), services: list(container) })

const scriptStepArgs = z.object({
  entryPoint: z.string(),
  entryPointArgs: list(z.string()),
  environmentVariables: environment,
  // Runners up to 2.293 send one string.
  prependPath: z.pipe(
    z.transform((value: unknown) => (typeof value === 'string' ? [value] : value) as unknown[] | null | undefined),
    list(z.string())
  ),
  workingDirectory: optional(z.string())
})

const shared = {
  responseFile: optional(z.string()),
  state: optional(z.record(z.string(), z.unknown()))
}

const input = z.discriminatedUnion('command', [
  z.object({ command: z.literal('prepare_job'), args: prepareJobArgs, ...shared }),
  z.object({ command: z.literal('cleanup_job'), args: optional(z.object({})), ...shared }),
  z.object({ command: z.literal('run_script_step'), args: scriptStepArgs, ...shared }),
  z.object({ command: z.literal('run_container_step'), args: container, ...shared }),
  // Not the runner's: prepare_job says it to a process that it starts.
  z.object({ command: z.literal('build_ahead'), args: optional(z.object({})), ...shared })
])

/** One call by the runner: `command`, its `args`, the `state` of the job and where to write the response. */
export type HookInput = z.infer<typeof input>
export type HookCommand = HookInput['command']
export type ContainerArgs = z.infer<typeof container>
export type MountArgs = z.infer<typeof mount>

const COMMANDS: readonly HookCommand[] = ['prepare_job', 'cleanup_job', 'run_script_step', 'run_container_step']
const isCommand = (command: unknown): boolean =>
  COMMANDS.includes(command as HookCommand) || command === ('build_ahead' satisfies HookCommand)

/** How much of an unknown command is repeated. */
const COMMAND_LENGTH_MAX = 40

const invalid = (message: string) => new StepError('invalid-input', message)

/** All of a stream of bytes, as text. Rejects with `invalid-input` past `INPUT_BYTES_MAX`, or with `cancelled`. */
export async function readInput(stream: Readable, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      bytes += chunk.length
      if (bytes > INPUT_BYTES_MAX) {
        throw invalid(
          `The input is larger than ${INPUT_BYTES_MAX / 1024 / 1024} MiB; make the step's environment smaller`
        )
      }
      chunks.push(chunk)
    }
  } catch (thrown) {
    if (signal.aborted) throw new StepError('cancelled', 'Cancelled before there was anything to do')
    throw thrown
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
}

/** The call in a JSON document, on one line or many. Throws `invalid-input` naming the field that is wrong. */
export function parseInput(text: string): HookInput {
  if (text.trim() === '') throw invalid('The input is empty; the runner sends one JSON document on stdin')
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    // Without the parser's words: they quote the input, which may hold secrets.
    throw invalid(`The input is not JSON (${text.length} characters); the runner sends one JSON document on stdin`)
  }
  const command = (document as { command?: unknown } | null)?.command
  if (!isCommand(command)) {
    const given = typeof command === 'string' ? `'${oneLine(command).slice(0, COMMAND_LENGTH_MAX)}'` : kindOf(command)
    throw invalid(`command must be one of ${COMMANDS.join(', ')}, but is ${given}`)
  }
  const parsed = input.safeParse(document)
  if (parsed.success) return parsed.data
  throw invalid(`${describe(parsed.error.issues[0], document)}; check that this hook fits the runner's version`)
}

/** `args.entryPointArgs[1] must be a string, but is 5`. */
function describe(issue: z.core.$ZodIssue | undefined, document: unknown): string {
  if (issue === undefined) return 'The input does not follow the container-hook protocol'
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
  let value: unknown = document
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key]
  if (issue.code === 'invalid_key') return `${path.slice(1)} cannot be a variable: a name is not empty and has no =`
  const wanted = issue.code === 'invalid_type' ? `must be ${article(issue.expected)}` : oneLine(issue.message)
  return `${path.slice(1)} ${wanted}, but is ${kindOf(value)}`
}

/** A record is what the schema calls an object whose keys are free. */
const article = (type: string) =>
  /^(array|object|record)$/.test(type) ? `an ${type.replace('record', 'object')}` : `a ${type}`

/** Never the value itself: it may be a secret. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return article(Array.isArray(value) ? 'array' : typeof value)
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ')
