/** Steps that are played each time: what random ones hardly ever meet. */
import { SMOOTH } from './job-story.ts'
import type { Scenario } from './story.ts'

/** More lines of one second than a reader may find in another order. */
const LINES = 180

const usual: Scenario = {
  asksFor: 'image',
  builds: [
    {
      ...SMOOTH,
      program: { lines: [], endsAfterMs: 300, exitCode: 0 },
      pushes: [{ endsAfterMs: 1_500, isAccepted: true }]
    }
  ],
  step: { ...SMOOTH, program: { lines: [], endsAfterMs: 500, exitCode: 0 } },
  faults: [],
  orders: []
}

export const KEPT: readonly { readonly why: string; readonly scenario: Scenario }[] = [
  {
    why: 'a long log of one second that is cut near its end',
    scenario: {
      ...usual,
      step: {
        ...SMOOTH,
        program: {
          lines: Array.from({ length: LINES }, (_, index) => ({ atMs: index * 3, text: `line ${index}` })),
          endsAfterMs: 3_000,
          exitCode: 0
        }
      },
      faults: [{ call: 'get pods/log', nth: 0, times: 1, trouble: { does: 'cut', afterBytes: 38 * (LINES - 20) } }]
    }
  },
  {
    why: 'a push that ends well while its step is cancelled',
    scenario: { ...usual, asksFor: 'Dockerfile', orders: [{ does: 'cancel', atMs: 1_900 }] }
  }
]
