/**
 * What GitHub's runner takes for a command in what the hook writes, for tests: its lines are .NET's (StreamReader.ReadLine), its
 * parser is actions/runner's ActionCommand.cs. Any name counts, anything that may be blank is blank, and all that anybody takes
 * for the end of a line is one.
 */

/** A byte order mark at the start is none of the text. */
const linesOf = (log: Uint8Array): string[] =>
  Buffer.from(log)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/)

const OPENING = /^[\p{Z}\p{C}]*/u

/** The lines, without what is blank before them, that hold a command. */
export function commandsIn(log: Uint8Array): string[] {
  return linesOf(log)
    .map((line) => line.replace(OPENING, ''))
    .filter((line) => line.startsWith('::') || line.includes('##['))
}
