/** Loads all of the product that a hook loads when it gets there: loading is something that happens without `quiet` seeing it. */
import { readdirSync } from 'node:fs'
import 'tar-stream'
import 'yaml'

const SOURCE = new URL('../../../src/', import.meta.url)
/** Starts a process's work. */
const MAIN = 'hooks/main.ts'

for (const room of ['hooks', 'machines', 'effects']) {
  const names = readdirSync(new URL(room, SOURCE), { recursive: true, encoding: 'utf8' })
  for (const name of names.map((one) => `${room}/${one}`)) {
    if (/(?<!\.d)\.ts$/.test(name) && name !== MAIN) await import(new URL(name, SOURCE).pathname)
  }
}
