/** docs/parity.md and the figure in README.md, made of what the suite knows: for whoever asks what of a Dockerfile works here. */
import { idOf, type ParityCase } from '../case.ts'
import { EXCEPTIONS } from '../exceptions.ts'
import type { Deviations, References } from './expected.ts'
import type { Verdict } from './outcome.ts'

const COLUMNS: readonly Verdict[] = ['same', 'refused by both', 'refused', 'different']

type Known = readonly [cases: readonly ParityCase[], references: References, deviations: Deviations]

export function parityFigure(...known: Known): string {
  const [cases] = known
  const { count } = tally(...known)
  return [
    `Of ${cases.length} small Dockerfiles the default builder makes of ${count('same')} the image that BuildKit makes; ${count('refused by both')} are refused by both, and ${count('refused')} before anything`,
    `is built, though BuildKit builds them; ${count('different')} are not right. Construct by construct: [What of a Dockerfile works](docs/parity.md).`
  ].join('\n')
}

export function parityPage(...known: Known): string {
  const [cases, references] = known
  const { of, count, groups, whyNot, isRefused } = tally(...known)
  const { version, on } = references.origin
  const rows = (verdict: Verdict) =>
    of(verdict).map((given) => row(given.group, words(given.name), words(whyNot(given))))
  const summary = groups.map((group) => row(group, ...[undefined, ...COLUMNS].map((verdict) => count(verdict, group))))
  const names = (group: string) =>
    of(undefined, group).map((given) => (isRefused(given) ? `*${words(given.name)}*` : words(given.name)))
  return `${[
    '# What of a Dockerfile works',
    '',
    '<!-- `npm run golden` makes this page of what test/parity knows. -->',
    '',
    `${cases.length} small Dockerfiles, each about one construct, are built as a step builds them and compared with what BuildKit ${version},`,
    `the builder in docker, makes of them (built on ${on}; ten are built again in each run). Compared are the config that decides how`,
    'a container runs, and the tree of files: owners, modes, links, hard links, extended attributes and contents. Times are not',
    'compared, nor what is mounted over in each container (`/proc`, `/sys`, `/dev`, `/etc/hosts`, `/etc/resolv.conf` and the like).',
    '',
    'This is about Kaniko, the default builder. `test/parity/kaniko.test.ts` shows it, and fails when one case is not as this page says.',
    'With `auto` and the BuildKit of `deploy/buildkit` what is refused here is the same image, and what is not right where a text shows it, but for',
    'device nodes, `RUN --network=none` and a RUN that reads `/sys`, which no daemon in a user namespace can build: `test/parity/buildkit.test.ts` builds all of them in each run, and',
    'fifteen of all with BuildKit alone.',
    'What is built [in place](in-place.md) is the same, too, and what is otherwise for an action stands there (`test/parity/in-place.test.ts`).',
    '',
    `**Of ${cases.length}, ${count('same')} give the same image, ${count('refused by both')} are refused by both, ${count('refused')} are refused before anything is built though BuildKit builds them, and ${count('different')} are not right.**`,
    '',
    row('About', 'Cases', 'The same', 'Refused by both', 'Refused here', 'Not right'),
    row('-----', '----:', '-------:', '--------------:', '-----------:', '--------:'),
    ...summary,
    '',
    ...section('Refused here, built by BuildKit', 'What the step says', rows('refused')),
    ...exceptions(),
    ...section('Not right', 'What came', rows('different')),
    '## Construct by construct',
    '',
    'Where a construct is in no table above, the image is the one that BuildKit makes. Those in *italics* are refused by BuildKit.',
    '',
    ...groups.map((group) => `- **${group}**: ${names(group).join('; ')}.`)
  ].join('\n')}\n`
}

function tally(...[cases, references, deviations]: Known) {
  const isRefused = (given: ParityCase) => references.of.get(idOf(given)) === 'refused'
  const verdictOf = (given: ParityCase): Verdict =>
    deviations[idOf(given)]?.verdict ?? (isRefused(given) ? 'refused by both' : 'same')
  /** Undefined: any. */
  const of = (verdict?: Verdict, group?: string) =>
    cases.filter(
      (given) =>
        (verdict === undefined || verdictOf(given) === verdict) && (group === undefined || given.group === group)
    )
  return {
    of,
    count: (verdict?: Verdict, group?: string) => of(verdict, group).length,
    groups: [...new Set(cases.map(({ group }) => group))],
    whyNot: (given: ParityCase) => deviations[idOf(given)]?.why[0] ?? '',
    isRefused
  }
}

const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`

function section(title: string, what: string, rows: readonly string[]): readonly string[] {
  if (rows.length === 0) return []
  return [`## ${title}`, '', row('About', 'Construct', what), row('-----', '---------', '---------'), ...rows, '']
}

function exceptions(): readonly string[] {
  const rows = EXCEPTIONS.map(({ what, why, cases }) => row(words(what), words(why), cases.length))
  const told =
    'What nothing can tell before the build, and what is therefore neither refused nor always right, is this and no more:'
  return ['## Exceptions', '', told, '', row('What', 'Why', 'Cases'), row('----', '---', '----:'), ...rows, '']
}

const WORDS_MAX = 160

/** On one line, and nothing in it is Markdown or HTML. */
function words(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  const cut = line.length > WORDS_MAX ? `${line.slice(0, WORDS_MAX)}…` : line
  return cut.replaceAll(/[\\|*_<>[\]`$]/g, '\\$&')
}
