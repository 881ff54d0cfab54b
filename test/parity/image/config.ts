/** What of an image's config decides how its containers run, in one form whichever builder wrote it. */

export type Config = Readonly<Record<string, unknown>>

const LISTS = ['Cmd', 'Entrypoint', 'Shell', 'OnBuild']
const SETS = ['ExposedPorts', 'Volumes']
const TEXTS = ['User', 'StopSignal']
/** The base images have it from the tool that made them. */
const TOOL = 'io.buildah.version'

/** `given`: the `config` of an image's config file. What says nothing is left out: an empty list is as good as none. */
export function normalConfig(given: Readonly<Record<string, unknown>>): Config {
  const pick = (keys: readonly string[], value: (of: unknown) => unknown) => keys.map((key) => [key, value(given[key])])
  const { [TOOL]: _, ...labels } = sorted(given.Labels as Record<string, string> | null | undefined)
  const entries = [
    ...pick(LISTS, (list) => list ?? []),
    ...pick(SETS, (set) => Object.keys((set ?? {}) as object).sort()),
    ...pick(TEXTS, (text) => text ?? ''),
    // Without one a container starts in the root directory.
    ['WorkingDir', given.WorkingDir === '/' ? '' : (given.WorkingDir ?? '')],
    ['Env', sorted(Object.fromEntries(((given.Env ?? []) as string[]).map(nameAndValue)))],
    ['Labels', labels],
    ['Healthcheck', sorted(given.Healthcheck as Record<string, unknown> | null | undefined)]
  ]
  return Object.fromEntries(entries.filter(([, value]) => !isEmpty(value)).sort())
}

function nameAndValue(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

const sorted = <T>(of: Readonly<Record<string, T>> | null | undefined): Record<string, T> =>
  Object.fromEntries(Object.entries(of ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)))

const isEmpty = (value: unknown) => value === '' || Object.keys(value as object).length === 0
