/** Prepares the runner's directories for containers that do not run as the runner's user (actions/runner#3290). */
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const EVERYBODY_WRITES_DIRECTORY = 0o777
const EVERYBODY_WRITES_FILE = 0o666
const FILE_COMMANDS = /\/_runner_file_commands$/

/** Makes the directories that are missing, and lets everybody write to them and to the file commands' files. */
export async function openForEveryUser(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    await mkdir(directory, { recursive: true })
    // Not ours to change: then it stays as its owner wanted it.
    await chmod(directory, EVERYBODY_WRITES_DIRECTORY).catch(() => {})
    if (FILE_COMMANDS.test(directory)) await openFiles(directory)
  }
}

/** Lets everybody write to the files of a directory, if it is there. */
export async function openFiles(directory: string): Promise<void> {
  for (const file of await readdir(directory).catch(() => [])) {
    await chmod(join(directory, file), EVERYBODY_WRITES_FILE).catch(() => {})
  }
}
