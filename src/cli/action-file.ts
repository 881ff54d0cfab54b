/** Reads an action's metadata file and makes the container step of it that the runner would make, for `slipway run`. */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { parseYaml } from '../effects/yaml.ts'
import { StepError } from '../errors.ts'

const text = z.union([z.string(), z.number(), z.boolean(), z.null()]).transform((value) => String(value ?? ''))

// https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax
const schema = z.object({
  name: z.string().optional(),
  inputs: z
    .record(z.string(), z.object({ default: text.optional(), required: z.boolean().optional() }).nullable())
    .nullish(),
  runs: z.object({
    using: z.string(),
    image: z.string().optional(),
    entrypoint: z.string().optional(),
    'pre-entrypoint': z.string().optional(),
    'post-entrypoint': z.string().optional(),
    args: z.array(text).nullish(),
    env: z.record(z.string(), text).nullish()
  })
})

/** A container action, as its metadata file describes it. */
export interface Action {
  readonly name: string
  readonly inputs: Readonly<Record<string, { readonly default?: string | undefined; readonly required: boolean }>>
  /** Exactly one of the two is set; the Dockerfile's path is absolute. */
  readonly image?: string | undefined
  readonly dockerfile?: string | undefined
  readonly entryPoint?: string | undefined
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Parts that are not run here. */
  readonly ignored: readonly string[]
}

/** What the action gives to its step, with the inputs filled in. */
export interface FilledAction {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What the author should know; each is one line. */
  readonly warnings: readonly string[]
}

const METADATA_FILES = ['action.yml', 'action.yaml']
const DOCKERFILES = ['Dockerfile', 'dockerfile']
const IMAGE_SCHEME = 'docker://'

async function firstFile(directory: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const found = await stat(join(directory, name)).catch(() => undefined)
    if (found?.isFile()) return name
  }
  return undefined
}

/** Rejects with `invalid-input` (no action, or a broken file) or `not-supported` (not a container action). */
export async function readAction(directory: string): Promise<Action> {
  const file = await firstFile(directory, METADATA_FILES)
  if (file !== undefined) return parseAction(await readFile(join(directory, file), 'utf8'), file, directory)
  const dockerfile = await firstFile(directory, DOCKERFILES)
  if (dockerfile === undefined) {
    throw new StepError('invalid-input', `${directory} has no action.yml, action.yaml or Dockerfile`)
  }
  return { name: dockerfile, inputs: {}, dockerfile: join(directory, dockerfile), args: [], env: {}, ignored: [] }
}

/** The action that a metadata file in `directory` describes. Throws as readAction rejects. */
export function parseAction(content: string, file: string, directory: string): Action {
  const { name, inputs, runs } = validate(content, file)
  if (runs.using !== 'docker') {
    const message = `${file}: runs.using is '${runs.using}'; slipway run takes container actions (using: docker)`
    throw new StepError('not-supported', message)
  }
  if (runs.image === undefined) throw new StepError('invalid-input', `${file}: runs.image is missing`)
  const isReference = runs.image.toLowerCase().startsWith(IMAGE_SCHEME)
  return {
    name: name ?? directory,
    inputs: Object.fromEntries(
      Object.entries(inputs ?? {}).map(([input, facts]) => [
        input,
        { default: facts?.default, required: facts?.required ?? false }
      ])
    ),
    image: isReference ? runs.image.slice(IMAGE_SCHEME.length) : undefined,
    dockerfile: isReference ? undefined : resolve(directory, runs.image),
    entryPoint: runs.entrypoint || undefined,
    args: runs.args ?? [],
    env: runs.env ?? {},
    ignored: (['pre-entrypoint', 'post-entrypoint'] as const).filter((part) => runs[part] !== undefined)
  }
}

function validate(content: string, file: string): z.infer<typeof schema> {
  let parsed: unknown
  try {
    parsed = parseYaml(content)
  } catch (cause) {
    throw new StepError('invalid-input', `${file} ${(cause as Error).message}`, { cause })
  }
  const result = schema.safeParse(parsed)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new StepError('invalid-input', `${file}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`)
}

/** `INPUT_WHO-TO-GREET`: upper case, spaces to underscores, as the runner names them. */
const inputVariable = (name: string): string => `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`

const EXPRESSION = /\$\{\{\s*(.*?)\s*\}\}/g
const INPUT_REFERENCE = /^inputs(?:\.([\w-]+)|\['([^']+)'\])$/i

/** Fills in the inputs: given values, else defaults. Names of inputs are compared without regard to case. */
export function fillIn(action: Action, given: Readonly<Record<string, string>>): FilledAction {
  const warnings = action.ignored.map((part) => `${part} is not run`)
  const values = new Map<string, string>()
  const evaluate = (source: string, where: string): string =>
    source.replace(EXPRESSION, (_whole, expression: string) => {
      const [, dotted, quoted] = INPUT_REFERENCE.exec(expression) ?? []
      const name = dotted ?? quoted
      if (name !== undefined) return values.get(name.toLowerCase()) ?? ''
      warnings.push(`${where}: \${{ ${expression} }} has no value here and is left empty`)
      return ''
    })

  const wanted = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  const env = new Map<string, string>()
  for (const [name, facts] of Object.entries(action.inputs)) {
    const value = wanted.get(name.toLowerCase()) ?? evaluate(facts.default ?? '', `default of input ${name}`)
    if (value === '' && facts.required) warnings.push(`input ${name} is required; give it with --input ${name}=...`)
    values.set(name.toLowerCase(), value)
    env.set(inputVariable(name), value)
  }
  for (const [name, value] of Object.entries(given)) {
    if (values.has(name.toLowerCase())) continue
    warnings.push(`the action has no input ${name}`)
    env.set(inputVariable(name), value)
  }
  for (const [name, value] of Object.entries(action.env)) env.set(name, evaluate(value, `env ${name}`))
  return { args: action.args.map((arg) => evaluate(arg, 'args')), env: Object.fromEntries(env), warnings }
}
