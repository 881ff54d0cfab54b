/** Whether the API server answers, as what version, and to whom: doctor's first checks. */

import { serverMessage } from '../../effects/kubernetes/api/errors.ts'
import { StepError } from '../../errors.ts'
import { type Check, fail, pass } from './check.ts'
import { ask, type Facts } from './facts.ts'

export const API = 'API server'
export const VERSION = 'Kubernetes'

/** Exec streams that can say that stdin has ended (KEP-4006). */
const MINOR_MIN = 30

interface Version {
  readonly major: string
  readonly minor: string
  readonly gitVersion: string
}

/** `reach`: what to look at when the server does not answer, from where this runs. */
export function clusterChecks(facts: Facts, reach: string): readonly Check[] {
  let version: Version | undefined
  return [
    {
      name: API,
      needs: [],
      async run(signal) {
        const { access, namespace } = await facts.access()
        const server = access.getCurrentCluster()?.server ?? 'no server'
        try {
          version = await ask<Version>(access, { method: 'GET', path: '/version' }, signal)
          return pass(`${server} answers; namespace ${namespace}`)
        } catch (thrown) {
          if (signal.aborted || thrown instanceof StepError) throw thrown
          return fail(`${server} does not answer: ${serverMessage(thrown)}`, reach)
        }
      }
    },
    {
      name: VERSION,
      needs: [API],
      async run() {
        const { major = '0', minor = '0', gitVersion = 'unknown' } = version ?? {}
        const isNewEnough = Number(major) > 1 || Number.parseInt(minor, 10) >= MINOR_MIN
        if (isNewEnough) return pass(`${major}.${minor} (${gitVersion}); 1.${MINOR_MIN} or newer is needed`)
        return fail(
          `${major}.${minor} (${gitVersion}) is older than 1.${MINOR_MIN}`,
          `upgrade the cluster to Kubernetes 1.${MINOR_MIN} or newer`
        )
      }
    }
  ]
}
