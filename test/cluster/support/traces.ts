/** The traces that the hook left on the runner's disk, read as `slipway replay` reads them. */
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { type Replay, toReplay } from '../../../src/visualizer/replay.ts'
import { parseTrace } from '../../../src/visualizer/trace.ts'
import { HOME, mustExec, type RunnerPod } from './runner-pod.ts'

export interface FoundTrace {
  readonly text: string
  readonly replay: Replay
}

const DIRECTORY = `${HOME}/_diag/slipway`

/** All of them, in the order of their names, which is that of their time. */
export async function readTraces(pod: RunnerPod): Promise<readonly FoundTrace[]> {
  const script = `cd ${DIRECTORY} && for file in *.jsonl; do cat "$file"; echo; done`
  const { stdout } = await mustExec(pod.exec, ['sh', '-c', script])
  const texts = stdout.split(/\n\n/).filter((text) => text.trim() !== '')
  return texts.map((text) => ({ text, replay: toReplay(parseTrace(`${text}\n`), currentMachines().machines) }))
}

/** For a test that counts them: what an earlier attempt at it left is not its own. */
export const forgetTraces = async (pod: RunnerPod): Promise<unknown> =>
  await mustExec(pod.exec, ['rm', '-rf', DIRECTORY])
