/** A service's health check out of its `docker create` options, as a readiness probe for the kubelet. */
import type { V1Probe } from '@kubernetes/client-node'
import { unexpanded } from '../parts.ts'
import { wrongValue } from './refusal.ts'

/** Docker's `--health-*` options; times in seconds. */
export interface HealthCheck {
  /** Run by the image's own shell, as docker does. */
  readonly command: string
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  readonly retries: number
  readonly startPeriodSeconds: number
}

/** What docker takes for what is not given (docs.docker.com, Dockerfile reference, HEALTHCHECK). */
export const HEALTH_DEFAULTS = { intervalSeconds: 30, timeoutSeconds: 30, retries: 3, startPeriodSeconds: 0 } as const

const UNIT_SECONDS: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 }
const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|us|ns|m|s))+$/

/** Seconds of a duration as Go writes it: `10s`, `1m30s`, `500ms`. Throws `invalid-input` naming the option. */
export function durationSeconds(option: string, text: string): number {
  if (!DURATION.test(text)) {
    if (/^0+$/.test(text)) return 0
    throw wrongValue(option, 'a duration such as 10s or 1m30s', text)
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/g)]
  return parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (UNIT_SECONDS[unit] ?? 0), 0)
}

/** Kubernetes counts whole seconds, at least one. */
const whole = (seconds: number): number => Math.max(1, Math.ceil(seconds))

export const readinessProbe = (check: HealthCheck): V1Probe => ({
  exec: { command: ['sh', '-c', unexpanded(check.command)] },
  periodSeconds: whole(check.intervalSeconds),
  timeoutSeconds: whole(check.timeoutSeconds),
  failureThreshold: Math.max(1, check.retries)
})

/** After this long a container that never was healthy is one that docker calls unhealthy. Milliseconds. */
export function unhealthyAfterMs(check: HealthCheck): number {
  const { startPeriodSeconds, retries } = check
  const round = whole(check.intervalSeconds) + whole(check.timeoutSeconds)
  return (startPeriodSeconds + Math.max(1, retries) * round) * 1_000
}
