/** Directories of programs for the scripts that run in a builder's container: this machine's own, and its busybox where it has a whole one. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const PROGRAMS = 'cat cut date env head mkdir mkfifo mv readlink rm rmdir sed sh sleep tr wc'.split(' ')
const BECOMING = ['chpst', 'su']

export interface Tools {
  readonly title: string
  /** Fills a directory with links. */
  place(directory: string): void
}

const find = (program: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((file) => existsSync(file))

function found(program: string): string {
  const file = find(program)
  if (file === undefined) throw new Error(`this machine has no ${program}`)
  return file
}

/**
 * What this machine has in general. Who becomes another user needs root and other files in /etc: here it says so in `became` beside
 * it, and remains who it was.
 */
const own: Tools = {
  title: "this machine's programs",
  place(directory) {
    mkdirSync(directory, { recursive: true })
    for (const program of PROGRAMS) symlinkSync(found(program), join(directory, program))
    for (const program of BECOMING) standIn(directory, program)
  }
}

/** As the programs of busybox take their arguments, and exit. */
const STAND_IN = `
const { spawnSync } = require('node:child_process')
const { writeFileSync } = require('node:fs')
const [, file, ...args] = process.argv
const end = args.indexOf('--')
const [options, words] = [args.slice(0, end), args.slice(end + 1)]
const after = (option) => options[options.indexOf(option) + 1]
const isSu = options.includes('-s')
writeFileSync(file + '.became', isSu ? words.shift() : options.includes('-u') ? after('-u') : '')
const command = isSu ? [after('-s'), '-c', after('-c'), ...words] : words
const { status, error } = spawnSync(command[0], command.slice(1), { stdio: 'inherit' })
process.exitCode = error === undefined ? status : error.code === 'ENOENT' ? 127 : 126
`

function standIn(directory: string, program: string): void {
  const file = join(directory, program)
  writeFileSync(file, `#!${process.execPath}\n${STAND_IN}`)
  chmodSync(file, 0o755)
}

function wholeBusybox(): readonly Tools[] {
  const busybox = find('busybox')
  if (busybox === undefined) return []
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n')
  if (![...PROGRAMS, ...BECOMING].every((program) => applets.includes(program))) return []
  return [
    {
      title: "this machine's busybox",
      place(directory) {
        mkdirSync(directory, { recursive: true })
        for (const program of PROGRAMS) symlinkSync(busybox, join(directory, program))
        // With the rights and the users of a test they could do nothing.
        symlinkSync(busybox, join(directory, 'chpst'))
        standIn(directory, 'su')
      }
    }
  ]
}

export const TOOLS: readonly Tools[] = [own, ...wholeBusybox()]
