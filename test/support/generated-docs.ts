/** The parts of the documentation that are made from code, as Markdown, for the docs test: `npm run golden` writes them. */
import { COMMANDS } from '../../src/cli/commands.ts'
import { programHelp } from '../../src/cli/help.ts'
import { SETTING_GROUPS } from '../../src/hooks/settings/settings.ts'
import type { Setting } from '../../src/hooks/settings/values.ts'

/** A page with the text between its markers of a name replaced: `<!-- name: begin -->` and `<!-- name: end -->`. */
export function withPart(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} followed by ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${part.trim()}\n\n${page.slice(to)}`
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function settingsTable(settings: readonly Setting[]): string {
  const rows = settings.map(({ variable, unset, meaning }) => row(`\`${variable}\``, unset, meaning))
  return [row('Variable', 'Default', 'Meaning'), row('--------', '-------', '-------'), ...rows].join('\n')
}

/** All settings of the hook, a table for each group. */
export const settingsPart = (): string =>
  Object.entries(SETTING_GROUPS)
    .map(([heading, settings]) => `### ${heading}\n\n${settingsTable(Object.values(settings))}`)
    .join('\n\n')

const block = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``

/** What --help says, of the program and of every command. */
export const commandsPart = (): string =>
  [
    block(programHelp(COMMANDS)),
    ...COMMANDS.map(({ declaration, help }) => `## slipway ${declaration.name}\n\n${block(help)}`)
  ].join('\n\n')
