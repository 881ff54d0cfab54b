// What a run of mutants found, as rows of the table in docs/testing.md.

const BEGIN = '<!-- mutants: begin -->'
const END = '<!-- mutants: end -->'
const HEAD = ['Room', 'Mutants', 'Tried', 'Noticed', 'Score', '95 % interval', 'Seed', 'Date']
const NOTICED = ['Killed', 'Timeout']
/** Not those that ended the test runner itself, for which nothing is known. */
const COUNTED = [...NOTICED, 'Survived', 'NoCoverage']
/** Of the normal distribution, for an interval that holds the true score 95 times of 100. */
const Z = 1.96

const line = (cells) => `| ${cells.join(' | ')} |`

/** `seed`: of the sample; undefined when all mutants of the room were tried. */
export function scoreRow({ room, mutants, results }, seed) {
  const tried = results.filter(({ status }) => COUNTED.includes(status)).length
  const noticed = results.filter(({ status }) => NOTICED.includes(status)).length
  const [interval, chosenBy] = seed === undefined ? ['all tried', ''] : [intervalOf(noticed, tried), seed]
  const day = new Date().toISOString().slice(0, 10)
  return line([`\`${room}\``, mutants, tried, noticed, percent(noticed / tried), interval, chosenBy, day])
}

/** Wilson's interval of a proportion. */
function intervalOf(noticed, tried) {
  const share = noticed / tried
  const square = Z ** 2 / tried
  const middle = share + square / 2
  const half = Z * Math.sqrt((share * (1 - share)) / tried + square / (4 * tried))
  return `${percent((middle - half) / (1 + square))} to ${percent((middle + half) / (1 + square))}`
}

const percent = (share) => `${Math.round(share * 100)} %`

/** The table of these rows. */
export const tableOf = (rows) => [line(HEAD), line(HEAD.map((cell) => '-'.repeat(cell.length))), ...rows].join('\n')

/** The page with these rows in place of older ones of their rooms. */
export function withRows(page, rows, rooms) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} followed by ${END}`)
  const old = page.slice(from, to).split('\n')
  const rowOf = (room, lines) => lines.find((text) => text.startsWith(`| \`${room}\` `))
  const kept = rooms.flatMap((room) => rowOf(room, rows) ?? rowOf(room, old) ?? [])
  return `${page.slice(0, from + BEGIN.length)}\n\n${tableOf(kept)}\n\n${page.slice(to)}`
}
