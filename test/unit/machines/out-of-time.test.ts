/** Goal: a stage that runs out of time while it waits for its next attempt says what the last one said, and a cleanup lists what remains, and no more. */
import { expect, test } from 'vitest'
import { runJobStart } from '../../../src/effects/run/wire.ts'
import { systemClock } from '../../../src/effects/system.ts'
import { StepError } from '../../../src/errors.ts'
import type { JobHost } from '../../../src/machines/ports.ts'
import { JOB_BUDGETS } from '../../../src/machines/stages.ts'

const WAITS_LONGER_THAN_IT_MAY = { budgetMs: 20, attemptsMax: 5, backOffMs: 60_000, backOffMsMax: 60_000 }

test('what remains is what the last attempt said', async () => {
  const host: Partial<JobHost> = {
    plan: async () => ({
      nonce: '0',
      leftovers: [],
      creates: [
        { kind: 'secret', name: 'pull' },
        { kind: 'pod', name: 'job' }
      ]
    }),
    place: async () => {
      throw new StepError('unschedulable', 'no node')
    }
  }
  const cleanUp = async () => {
    throw new StepError('cleanup-failed', 'the pod is still there', { remaining: ['pod job'] })
  }
  const { outcome, remaining } = await runJobStart({
    request: { services: [], mounts: [] },
    ports: { host: host as JobHost, janitor: { cleanUp }, clock: systemClock },
    budgets: {
      ...JOB_BUDGETS,
      placing: { ...JOB_BUDGETS.placing, attemptsMax: 1 },
      cleaningUp: WAITS_LONGER_THAN_IT_MAY
    },
    observers: []
  })
  expect([outcome, remaining]).toEqual(['stuck', ['pod job']])
})

test('the last failure is told, with how long it was tried', async () => {
  const host: Partial<JobHost> = {
    plan: async () => {
      throw new StepError('cluster-unreachable', 'no answer')
    }
  }
  const { failure } = await runJobStart({
    request: { services: [], mounts: [] },
    ports: { host: host as JobHost, janitor: { cleanUp: async () => {} }, clock: systemClock },
    budgets: { ...JOB_BUDGETS, resolving: WAITS_LONGER_THAN_IT_MAY },
    observers: []
  })
  expect(failure).toMatchObject({ code: 'cluster-unreachable', message: 'no answer (given up after 0.02 s)' })
})
