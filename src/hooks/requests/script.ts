/** The script that the runner asks for, with its quoting undone, for run_script_step. */
import { JOB_WORK } from '../../effects/work-tree/layout.ts'
import { StepError } from '../../errors.ts'
import type { ScriptRequest } from '../../machines/script-step.ts'
import type { HookInput } from './protocol.ts'

type ScriptArgs = Extract<HookInput, { command: 'run_script_step' }>['args']

/** What a backslash takes the meaning from, between double quotes. */
const ESCAPED_IN_QUOTES = /^["\\$`\n]/

/** `id` names the script in the job pod. Throws `invalid-input`. */
export function toScriptRequest(args: ScriptArgs, id: string): ScriptRequest {
  if (args.entryPoint === '') {
    throw new StepError('invalid-input', 'args.entryPoint is empty; it must name the program that runs the script')
  }
  return {
    id,
    entryPoint: args.entryPoint,
    args: splitWords(args.entryPointArgs),
    env: { CI: 'true', ...args.environmentVariables, GITHUB_ACTIONS: 'true' },
    prependPath: args.prependPath,
    workingDirectory: args.workingDirectory || JOB_WORK
  }
}

/**
 * The words of fragments. The runner splits one command line at every space, so they are joined again and read as a POSIX
 * shell reads words, but nothing is expanded (hook-protocol section 2, "Argument quoting"). Throws `invalid-input` for a
 * quote that is not closed.
 */
export function splitWords(fragments: readonly string[]): string[] {
  const line = fragments.join(' ')
  const words: string[] = []
  let word: string | undefined
  let position = 0
  while (position < line.length) {
    const character = line[position] ?? ''
    if (/[ \t\n]/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
      position += 1
    } else {
      const { text, end } = readPart(line, position)
      word = (word ?? '') + text
      position = end
    }
  }
  return word === undefined ? words : [...words, word]
}

/** One quoted part of a word, or one character of it. */
function readPart(line: string, start: number): { readonly text: string; readonly end: number } {
  const character = line[start] ?? ''
  if (character === "'") {
    const end = line.indexOf("'", start + 1)
    if (end < 0) throw notClosed("'")
    return { text: line.slice(start + 1, end), end: end + 1 }
  }
  if (character === '"') return readDoubleQuoted(line, start + 1)
  if (character !== '\\' || start + 1 >= line.length) return { text: character, end: start + 1 }
  const next = line[start + 1] ?? ''
  return { text: next === '\n' ? '' : next, end: start + 2 }
}

function readDoubleQuoted(line: string, start: number): { readonly text: string; readonly end: number } {
  let text = ''
  let position = start
  while (line[position] !== '"') {
    if (position >= line.length) throw notClosed('"')
    const isEscape = line[position] === '\\' && ESCAPED_IN_QUOTES.test(line.slice(position + 1, position + 2))
    const character = line[isEscape ? position + 1 : position] ?? ''
    if (!(isEscape && character === '\n')) text += character
    position += isEscape ? 2 : 1
  }
  return { text, end: position + 1 }
}

const notClosed = (quote: string) =>
  new StepError('invalid-input', `args.entryPointArgs has a ${quote} that is not closed; check the step's shell`)
