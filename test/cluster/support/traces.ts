/** The traces that the hook left on the runner's disk, read as `slipway replay` reads them. */
import { currentMachines } from '../../../src/visualizer/graph.ts'
import { type Replay, toReplay } from '../../../src/visualizer/replay.ts'
import { parseTrace } from '../../../src/visualizer/trace.ts'
import { mustExec, type RunnerPod, TRACES } from './runner-pod.ts'
import { tracesIn } from './trace-check.ts'

export interface FoundTrace {
  readonly text: string
  readonly replay: Replay
}

/** All of them, in the order of their names, which is that of their time. */
export async function readTraces(pod: RunnerPod): Promise<readonly FoundTrace[]> {
  const traces = await tracesIn(pod.exec, TRACES)
  if (traces === undefined) throw new Error('the traces cannot be read')
  return traces.map(({ text }) => ({ text, replay: toReplay(parseTrace(text), currentMachines().machines) }))
}

/** For a test that counts them: what an earlier attempt at it left is not its own. */
export const forgetTraces = async (pod: RunnerPod): Promise<unknown> => await mustExec(pod.exec, ['rm', '-rf', TRACES])
