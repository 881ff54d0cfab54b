/**
 * Which of the actions that the runner has downloaded for a job bring a Dockerfile, for who builds them before their steps: nobody says
 * which steps will run. Containers of the job can write there, so files are looked at through open directories, and within bounds.
 */
import { posix } from 'node:path'
import { ACTIONS } from '../work-tree/layout.ts'
import { inDirectory, inTree, readBelow } from '../work-tree/tree.ts'

/** `owner/repository/ref`, and so many directories below it: an action may lie in one of them. */
const DEPTH_MAX = 3 + 3
/** Of all actions together: where there are more, the deepest are not looked at. */
const DIRECTORIES_MAX = 300
const METADATA_FILES = ['action.yml', 'action.yaml']
/** As much as is read of it anywhere. */
const METADATA_BYTES_MAX = 64 * 1024
const NO_ACTIONS_IN = ['.git', 'node_modules']

/** What a Dockerfile action has, whatever else is in the file. */
const MAY_HAVE_DOCKERFILE = /\busing['"]?\s*:\s*['"]?docker\b/i
const AROUND = ['pre-entrypoint', 'post-entrypoint']
const IMAGE_SCHEME = /^docker:\/\//i

export interface FoundAction {
  /** Relative to the work directory. */
  readonly directory: string
  /** Its metadata file. */
  readonly text: string
}

/** Actions that may have a Dockerfile, the ones that lie highest first. What cannot be read is none. */
export async function findActions(workDirectory: string): Promise<readonly FoundAction[]> {
  const found: FoundAction[] = []
  const waiting = [ACTIONS]
  for (let looked = 0; looked < DIRECTORIES_MAX; looked += 1) {
    const directory = waiting.shift()
    if (directory === undefined) break
    const { text, below } = await lookAt(workDirectory, directory).catch(() => NOTHING)
    if (text !== undefined && MAY_HAVE_DOCKERFILE.test(text)) found.push({ directory, text })
    if (directory.split('/').length <= DEPTH_MAX) waiting.push(...below.map((name) => `${directory}/${name}`))
  }
  return found
}

const NOTHING = { text: undefined, below: [] }

async function lookAt(workDirectory: string, path: string) {
  return await inTree(workDirectory, async (tree) => {
    const names = await inDirectory(tree, path, async (directory) => {
      const entries = await directory.list()
      return entries.flatMap((entry) =>
        entry.isDirectory() && !NO_ACTIONS_IN.includes(entry.name) ? [entry.name] : []
      )
    })
    const texts = []
    for (const name of METADATA_FILES) texts.push(await readBelow(tree, `${path}/${name}`, METADATA_BYTES_MAX))
    return { text: texts.find((text) => text !== undefined)?.toString('utf8'), below: (names ?? []).sort() }
  })
}

export interface DockerfileAction {
  /** As the runner names it. */
  readonly dockerfile: string
  /** How often a step with it runs it: before and after its job's other steps, too, where it says so. */
  readonly uses: number
}

/** Undefined for an action that has no Dockerfile, or is not understood. */
export async function dockerfileActionOf(
  workDirectory: string,
  { directory, text }: FoundAction
): Promise<DockerfileAction | undefined> {
  const { parseYaml } = await import('../yaml.ts')
  let runs: Readonly<Record<string, unknown>> | null | undefined
  try {
    runs = (parseYaml(text) as { readonly runs?: typeof runs } | null)?.runs
  } catch {
    return undefined
  }
  const { using, image } = runs ?? {}
  if (typeof using !== 'string' || using.toLowerCase() !== 'docker') return undefined
  if (typeof image !== 'string' || image === '' || IMAGE_SCHEME.test(image)) return undefined
  const uses = 1 + AROUND.filter((name) => typeof runs?.[name] === 'string' && runs[name] !== '').length
  return { dockerfile: posix.join(workDirectory, directory, image), uses }
}
