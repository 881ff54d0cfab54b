/** Work volumes of pods that are directories of this computer, and what the product runs in them, for tests of files that are moved. */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { WORK_ROOT } from '../../src/effects/kubernetes/files/containers.ts'
import type { Program } from './pod-server.ts'

/** Runs a command as it would be run in a container that has the volume, but without another root. */
export function runIn(volume: string, command: readonly string[]): Program {
  const [program = '', ...args] = command.map((word) => word.replaceAll(WORK_ROOT, volume))
  const child = spawn(program, args, { stdio: 'pipe' })
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 137)))
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended }
}

/** Makes files, and the directories that they are in. */
export async function fill(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), content)
  }
}

/** Every file below a directory with its content; what the product keeps for itself in a volume is left out. */
export function filesIn(directory: string): Record<string, string> {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = found.map(({ parentPath, name }) => join(parentPath, name))
  const files = paths.map((path) => [path.slice(directory.length + 1), readFileSync(path, 'utf8')] as const)
  return Object.fromEntries(files.filter(([path]) => !path.startsWith('.')).toSorted())
}

const TRIES_MAX = 100_000

/** Returns once whatever is changed on a disk gets a later time than what was changed before: times of files come in steps. */
export function letTimePass(directory: string): void {
  const probe = join(directory, '.probe')
  writeFileSync(probe, '')
  const { ctimeNs } = statSync(probe, { bigint: true })
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    writeFileSync(probe, String(tries))
    if (statSync(probe, { bigint: true }).ctimeNs > ctimeNs) return
  }
  throw new Error('the times of files stand still here')
}
