/** All of doctor's checks for the environment of the hook, where this program runs. */
import { createRedaction } from '../../effects/log/redaction.ts'
import type { Reporter } from '../../effects/log/reporter.ts'
import { randomHex, systemClock } from '../../effects/system.ts'
import { TEMP } from '../../effects/work-tree/layout.ts'
import type { Environment } from '../../hooks/settings/config.ts'
import { admissionChecks } from './admission-checks.ts'
import { builderCheck } from './builder-check.ts'
import type { Check, Result } from './check.ts'
import { clusterChecks } from './cluster-checks.ts'
import { createFacts } from './facts.ts'
import { inPodCheck } from './in-pod-check.ts'
import { permissionChecks } from './permission-checks.ts'
import { type ProbeWatch, probeChecks } from './probe-checks.ts'
import { registryChecks } from './registry-checks.ts'
import { runnerPodChecks } from './runner-pod-checks.ts'
import { settingsChecks } from './settings-checks.ts'

const REACH =
  'see that a NetworkPolicy lets this pod reach the API server, and that the pod has a service account token'

/** Doctor says things itself, so retries and the like need no log of their own. */
export const silent: Reporter = {
  line: () => {},
  aside: () => {},
  group: () => {},
  endGroup: () => {},
  error: () => {},
  warning: () => {},
  hide: () => {},
  redact: (text) => text,
  foreign: () => {},
  output: () => {}
}

export interface Examination {
  readonly checks: readonly Check[]
  /** The same result without the secrets that were read on the way. */
  readonly hide: (result: Result) => Result
}

export function examineHere(environment: Environment, workDirectory: string, watch: ProbeWatch): Examination {
  const redaction = createRedaction()
  const reporter: Reporter = { ...silent, ...redaction }
  const facts = createFacts(hookEnvironment(environment, workDirectory), { reporter, clock: systemClock, randomHex })
  return {
    checks: [
      ...clusterChecks(facts, REACH),
      ...settingsChecks(facts),
      ...permissionChecks(facts),
      ...runnerPodChecks(facts),
      ...admissionChecks(facts),
      ...registryChecks(facts),
      builderCheck(facts),
      inPodCheck(facts, watch.onCancel),
      ...probeChecks(facts, watch)
    ],
    hide: ({ why, fix, ...result }) => ({ ...result, why: redaction.redact(why), fix: fix && redaction.redact(fix) })
  }
}

/** Outside of a job the runner has not set where the workspace is. */
function hookEnvironment(environment: Environment, workDirectory: string): Environment {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  return {
    RUNNER_WORKSPACE: `${workDirectory}/doctor`,
    RUNNER_TEMP: `${workDirectory}/${TEMP}`,
    GITHUB_WORKSPACE: `${workDirectory}/doctor/doctor`,
    ...given
  }
}
