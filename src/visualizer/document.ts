/** The Markdown page of one machine: its diagram and a table of its states, for docs/machines. */
import { COMMON_CODES } from '../machines/table.ts'
import type { GraphState, MachineGraph } from './graph-format.ts'
import { toMermaid } from './mermaid.ts'
import { budgetInWords } from './words.ts'

const code = (text: string): string => `\`${text}\``

/** The first wait between attempts, and the longest. */
const waitsOf = ({ backOffMs, backOffMsMax }: GraphState): string =>
  backOffMs === undefined || backOffMsMax === undefined
    ? ''
    : `${budgetInWords(backOffMs)} to ${budgetInWords(backOffMsMax)}`

const rowOf = (state: GraphState): string => {
  const { label, id, purpose, port, budgetMs, attemptsMax, codes, creates } = state
  const key = id.slice(id.indexOf('.') + 1)
  const cells = [
    `${label} (${code(key)})`,
    purpose ?? '',
    port === undefined ? '' : code(port),
    budgetMs === undefined ? '' : budgetInWords(budgetMs),
    budgetMs === undefined ? '' : String(attemptsMax ?? 1),
    waitsOf(state),
    (creates ?? []).join(', '),
    (codes ?? []).map(code).join(', ')
  ]
  return `| ${cells.join(' | ')} |`
}

export function toDocument(graph: MachineGraph): string {
  const described = graph.states.filter(({ kind }) => kind !== 'part')
  return [
    `# The ${graph.id} machine`,
    '',
    `Generated from [${graph.source}](../../${graph.source}) by \`npm run docs:machines\`; do not edit.`,
    '[index.html](index.html) is the same as a page to explore: download it and open it in a browser.',
    '',
    '```mermaid',
    toMermaid(graph).trimEnd(),
    '```',
    '',
    '| state | purpose | port | time budget | attempts | waits between | creates | error codes |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...described.map(rowOf),
    '',
    `Every stage may also end with ${COMMON_CODES.map(code).join(', ')}.`,
    ''
  ].join('\n')
}
