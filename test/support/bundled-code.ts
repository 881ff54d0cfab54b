/** Whose code is in a bundle, by what packages say in it: for the test that compares it with the licences beside the bundle. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A sentence in quotes, which no minifier changes; short ones are said by several. */
const SENTENCES = /(["'`])((?:(?!\1)[^\\\n$]){20,80})\1/g

const NEVER_BUNDLED = /^(node_modules|tests?|__tests__|examples?|bench(marks?)?)$/

export interface InstalledPackage {
  readonly name: string
  readonly version: string
  readonly directory: string
  readonly dependencies: readonly string[]
}

/** What `npm ci --omit=dev` would install of a project. */
export function installedPackages(root: string): readonly InstalledPackage[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<
      Record<string, { version: string; dev?: boolean; dependencies?: Readonly<Record<string, string>> }>
    >
  }
  return Object.entries(packages).flatMap(([path, { version, dev, dependencies = {} }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const directory = join(root, path)
    return path === '' || dev || !existsSync(directory)
      ? []
      : [{ name, version, directory, dependencies: Object.keys(dependencies) }]
  })
}

function filesBelow(directory: string, isWanted: (name: string) => boolean): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return NEVER_BUNDLED.test(entry.name) ? [] : filesBelow(path, isWanted)
    return isWanted(entry.name) ? [path] : []
  })
}

const textOf = (directory: string, isWanted: (name: string) => boolean) =>
  filesBelow(directory, isWanted).map((path) => readFileSync(path, 'utf8'))

/**
 * For each package what it says and no other does, nor the project's own `source`. What one that depends on it says too, it has from
 * there: some packages carry others in their own files.
 */
export function sentencesOf(
  packages: readonly InstalledPackage[],
  source: string
): ReadonlyMap<string, readonly string[]> {
  const own = textOf(source, () => true).join('\n')
  const speakers = new Map<string, Set<string>>()
  for (const { name, directory } of packages) {
    for (const text of textOf(directory, (file) => /\.[cm]?js$/.test(file) && !file.includes('.min.'))) {
      for (const [, , sentence = ''] of text.matchAll(SENTENCES)) {
        if (!sentence.trim().includes(' ')) continue
        speakers.set(sentence, (speakers.get(sentence) ?? new Set()).add(name))
      }
    }
  }
  const needs = (one: string, other: string) =>
    packages.some(({ name, dependencies }) => name === one && dependencies.includes(other))
  const sentences = new Map<string, string[]>()
  for (const [sentence, names] of speakers) {
    const name = [...names].find((each) => [...names].every((other) => other === each || needs(other, each)))
    if (name === undefined || own.includes(sentence)) continue
    sentences.set(name, [...(sentences.get(name) ?? []), sentence])
  }
  return sentences
}

/** Names of the packages of whose sentences there is one in the bundle. */
export const speakersIn = (bundle: string, sentences: ReadonlyMap<string, readonly string[]>): readonly string[] =>
  [...sentences].flatMap(([name, said]) => (said.some((sentence) => bundle.includes(sentence)) ? [name] : []))
