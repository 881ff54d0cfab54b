/** What each machine promises, written by hand and not read from the machine: what the oracles hold every run to. */

export interface Promises {
  /** Each of these stages needs the success of one of the others before it. */
  readonly needs: Readonly<Record<string, readonly string[]>>
  /** Attempted a single time, whatever its failure: it runs what users wrote. */
  readonly once: readonly string[]
  /** The stages whose success decides the exit code: one of them for each way. */
  readonly decides: readonly string[]
  /** The stage that follows the deciding one however that ended, unless the run was cancelled. */
  readonly collects?: string
  /** Stages whose failure is told, and is no failure of the run. */
  readonly pardoned?: readonly string[]
  /** What may end a run without cleaning up: a success that leaves what was asked for, or nothing; all there is where all of it is cleaning up. */
  readonly waysOut: readonly string[]
}

/** By the id of the machine. */
export const PROMISES: Readonly<Record<string, Promises>> = {
  'container-step': {
    needs: {
      joining: ['resolving'],
      building: ['resolving'],
      pushing: ['building'],
      pulling: ['resolving'],
      taking: ['resolving'],
      buildingInPlace: ['resolving'],
      handingOver: ['taking', 'buildingInPlace'],
      running: ['pulling', 'handingOver']
    },
    once: ['running'],
    decides: ['running'],
    collects: 'collecting',
    pardoned: ['joining', 'taking'],
    waysOut: []
  },
  'job-start': {
    needs: { sweeping: ['resolving'], placing: ['resolving'], starting: ['placing'], inspecting: ['starting'] },
    once: [],
    decides: ['inspecting'],
    waysOut: ['inspecting done succeeded']
  },
  'script-step': {
    needs: {},
    once: [],
    decides: ['executing'],
    waysOut: ['executing done succeeded', 'executing done failed']
  },
  'job-cleanup': {
    needs: { removingObjects: ['listing'], confirming: ['removingObjects'], removingImages: ['confirming'] },
    once: [],
    decides: ['confirming'],
    pardoned: ['removingImages'],
    waysOut: [
      ...['listing', 'removingObjects', 'confirming', 'removingImages'].map((stage) => `${stage} cancel cancelled`),
      ...['failed', 'timeout'].flatMap((cause) => [
        `listing ${cause} failed`,
        `removingObjects ${cause} stuck`,
        `confirming ${cause} stuck`,
        `removingImages ${cause} succeeded`
      ]),
      'confirming done succeeded',
      'removingImages done succeeded'
    ]
  },
  'ahead-build': {
    needs: {
      building: ['resolving'],
      pushing: ['building'],
      buildingInPlace: ['resolving'],
      standing: ['buildingInPlace']
    },
    once: [],
    decides: ['pushing', 'standing'],
    waysOut: ['resolving done succeeded']
  }
}
