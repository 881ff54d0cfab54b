/** The difference between two versions of the machines as text: Markdown for a comment on a pull request, or plain lines. */
import type { Change, ChangeKind, FieldChange, MachineDifference } from './difference.ts'
import { count } from './words.ts'

const KINDS = ['added', 'removed', 'changed'] as const satisfies readonly ChangeKind[]
const SIGNS: Readonly<Record<ChangeKind, string>> = { added: '+', removed: '-', changed: '~' }

const UNCHANGED = 'The state machines are unchanged.'

/** `2 states added, 1 transition changed`. */
export function summaryOf({ states, transitions }: MachineDifference): string {
  const parts = (changes: readonly Change[], noun: string) =>
    KINDS.map((kind) => ({ kind, number: changes.filter((change) => change.kind === kind).length }))
      .filter(({ number }) => number > 0)
      .map(({ kind, number }) => `${count(number, noun)} ${kind}`)
  return [...parts(states, 'state'), ...parts(transitions, 'transition')].join(', ')
}

export const fieldText = ({ field, before, after }: FieldChange): string =>
  `${field}: ${before ?? 'nothing'} → ${after ?? 'nothing'}`

const inKindOrder = (changes: readonly Change[]): readonly Change[] =>
  KINDS.flatMap((kind) => changes.filter((change) => change.kind === kind))

export function differenceLines(difference: readonly MachineDifference[]): readonly string[] {
  if (difference.length === 0) return [UNCHANGED]
  return difference.flatMap((machine) => [
    `${machine.machine}: ${summaryOf(machine)}`,
    ...[...inKindOrder(machine.states), ...inKindOrder(machine.transitions)].flatMap(({ kind, title, fields }) => [
      `  ${SIGNS[kind]} ${title}`,
      ...fields.map((field) => `      ${fieldText(field)}`)
    ])
  ])
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const rows = (what: string, changes: readonly Change[]): readonly string[] =>
  inKindOrder(changes).map(
    ({ kind, title, fields }) => `| ${kind} | ${what} | ${cell(title)} | ${cell(fields.map(fieldText).join('; '))} |`
  )

export function differenceMarkdown(difference: readonly MachineDifference[]): string {
  const sections = difference.flatMap((machine) => [
    `**${machine.machine}**: ${summaryOf(machine)}`,
    '',
    '| change | what | name | details |',
    '| --- | --- | --- | --- |',
    ...rows('state', machine.states),
    ...rows('transition', machine.transitions),
    ''
  ])
  return ['### State machines', '', ...(sections.length === 0 ? [UNCHANGED, ''] : sections)].join('\n')
}
