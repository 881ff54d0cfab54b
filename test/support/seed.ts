/** The seed of everything that is drawn at random in tests: the same in every run, so that a run fails for what was changed. */
import fc from 'fast-check'

const SEED = '20261129'
const SEEDS = 2 ** 31

const asked = process.env.SLIPWAY_SEED ?? SEED

/** As SLIPWAY_SEED is written; with SLIPWAY_SEED=random one that nobody chose, which a failure prints. */
export const SEED_ASKED = asked === 'random' ? String(Math.trunc(Math.random() * SEEDS)) : asked

// Where a suite chooses none of its own.
fc.configureGlobal({ seed: Number.parseInt(SEED_ASKED, 10) })
