/** Every trace that hooks have left on a runner's disk has to be true: checked when the runner pod goes, whatever the test was about. */
import { TRACE_FORMAT } from '../../../src/effects/log/trace.ts'
import { checkTrace } from '../../../src/visualizer/check.ts'
import { currentMachines } from '../../../src/visualizer/graph.ts'
import type { Finished } from './process.ts'

/** Stands behind each file; JSON has none of them, so that a last line that was cut off stays what it is. */
const SEPARATOR = '\u001e'

/** Prints each trace with its name before it; nothing when there is none. */
const SCRIPT = `cd "$1" 2>/dev/null || exit 0
for file in *.jsonl; do
  [ -f "$file" ] || continue
  echo "$file"
  cat "$file"
  printf '\\036'
done`

export interface NamedTrace {
  readonly name: string
  readonly text: string
}

type Exec = (command: readonly string[]) => Promise<Finished>

/** In the order of their names, which is that of their time; undefined when the pod cannot be asked any more. */
export async function tracesIn(exec: Exec, directory: string): Promise<readonly NamedTrace[] | undefined> {
  const { exitCode, stdout } = await exec(['sh', '-c', SCRIPT, 'traces', directory])
  if (exitCode !== 0) return undefined
  return stdout.split(SEPARATOR).flatMap((part) => {
    const end = part.indexOf('\n')
    return end < 0 ? [] : [{ name: part.slice(0, end), text: part.slice(end + 1) }]
  })
}

/** A bundle that is compared with this one may be older; what was killed at once has written nothing. */
const isOfThisVersion = (text: string): boolean => text.includes(`"format":"${TRACE_FORMAT}"`)

/** Throws with one line for each offence. Hooks that a test has killed leave traces without an end, which are true as far as they go. */
export async function expectTrueTraces(exec: Exec, directory: string): Promise<void> {
  const { machines } = currentMachines()
  const traces = (await tracesIn(exec, directory)) ?? []
  const wrong = traces.flatMap(({ name, text }) =>
    isOfThisVersion(text) ? checkTrace(text, machines).offences.map(({ line, says }) => `${name}:${line}: ${says}`) : []
  )
  if (wrong.length > 0) throw new Error(`traces that are not true:\n  ${wrong.join('\n  ')}`)
}
