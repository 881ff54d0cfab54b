/** `docker create` options as docker reads them, and what Kubernetes has nothing for by name. */
import { describe, expect, it } from 'vitest'
import {
  readinessProbe,
  unhealthyAfterMs
} from '../../../../../src/effects/kubernetes/specs/docker-options/health-check.ts'
import { parseCreateOptions } from '../../../../../src/effects/kubernetes/specs/docker-options/options.ts'

const NOTHING = parseCreateOptions(undefined)
/** What every object of JavaScript has without having been given it. */
const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']

it.each(['"open', "--cpus 'open"])('%j is refused: a quote is not closed', (text) => {
  expect(() => parseCreateOptions(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
})

describe('an option', () => {
  it.each<[string, object]>([
    ['--cpus 1', { cpus: '1' }],
    ['--cpus=.5', { cpus: '0.5' }],
    ['--memory 512m', { memory: '512Mi' }],
    ['-m1.5g', { memory: '1.5Gi' }],
    ['-m 1024', { memory: '1024' }],
    ['-m 1.5', { memory: '2' }],
    ['--memory=2GB --memory-reservation 64k', { memory: '2Gi', memoryReservation: '64Ki' }],
    ['--user 1000:100', { user: 1000, group: 100 }],
    ['-u root', { user: 0 }],
    ['-e A=1 --env B= --env "C=x y=z"', { env: { A: '1', B: '', C: 'x y=z' } }],
    ['--hostname db.local', { hostname: 'db.local', names: ['db.local'] }],
    ['-h db --name x --network-alias=y', { hostname: 'db', names: ['db', 'x', 'y'] }],
    ['--add-host api:10.0.0.1', { hosts: [{ name: 'api', ip: '10.0.0.1' }] }],
    ['--add-host=api=[::1]', { hosts: [{ name: 'api', ip: '::1' }] }],
    ['--shm-size 1g', { shmSize: '1Gi' }],
    ['--entrypoint /x -w /src', { entryPoint: '/x', workingDirectory: '/src' }],
    ['--privileged --read-only', { privileged: true, readOnly: true }],
    ['--privileged=false', { privileged: false }],
    ['--cap-add NET_ADMIN --cap-drop=cap_mknod', { capAdd: ['NET_ADMIN'], capDrop: ['MKNOD'] }],
    [
      '--tmpfs /run:rw,size=64m --tmpfs /x',
      {
        tmpfs: [{ path: '/run', size: '64Mi' }, { path: '/x' }]
      }
    ],
    ['-p5432:5432 --cpus 2 -P', { cpus: '2', ignored: ['-p', '-P'] }]
  ])('%s is understood', (text, expected) => expect(parseCreateOptions(text)).toEqual({ ...NOTHING, ...expected }))

  it.each<[string, readonly string[]]>([
    ['--init --gpus all --cpus 1', ['--init', '--gpus']],
    ['-v /a:/b --network host --network=bridge', ['-v', '--network']],
    ['--privileged -v/dev/kvm:/dev/kvm', ['-v']],
    ['--user node', ['--user']],
    ['-itd --ulimit nofile=1:2', ['-itd', '--ulimit']],
    ['--env-file .env -e FROM_OUTSIDE', ['--env-file', '-e']],
    ['--add-host db:host-gateway', ['--add-host']],
    ['--health-interval 5s', ['--health-* without --health-cmd']],
    ['--label a.b/c=d -l e --label=f', ['--label', '-l']],
    ...PROTOTYPE_KEYS.map((key): [string, string[]] => [`${key} --cpus 1`, [key]]),
    ...PROTOTYPE_KEYS.map((key): [string, string[]] => [`--${key} x --${key}=y`, [`--${key}`]])
  ])('of "%s" that Kubernetes has nothing for is named: %j', (text, ignored) => {
    expect(parseCreateOptions(text).ignored).toEqual(ignored)
  })

  it.each([
    ['--cpus many', '--cpus must be a number'],
    ['--memory 1x', '--memory must be a size'],
    ['-m lots', '-m must be a size'],
    ['--add-host nothing', '--add-host must be name:ip'],
    ['--health-retries often', '--health-retries must be a whole number'],
    ['--health-cmd true --health-interval soon', '--health-interval must be a duration'],
    ['--cpus', '--cpus needs a value']
  ])('"%s" that docker would refuse is refused', (text, message) => {
    expect(() => parseCreateOptions(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
    expect(() => parseCreateOptions(text)).toThrow(message)
  })
})

it.each(PROTOTYPE_KEYS)('a variable may be called %s', (key) => {
  const { env } = parseCreateOptions(`-e ${key}=x`)
  expect(Object.entries(env)).toEqual([[key, 'x']])
})

it('what is long is not repeated in whole by a message', () => {
  const long = 'x'.repeat(1_000_000)
  for (const text of [`--memory ${long}`, `"${long}`, `--health-interval ${long}`, `--${long}`]) {
    expect(() => parseCreateOptions(text)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
    expect(() => parseCreateOptions(text)).toThrow(/^[\s\S]{1,300}$/)
  }
})

describe('a health check', () => {
  const health = (text: string) => parseCreateOptions(text).health

  it("has docker's defaults", () => {
    expect(health('--health-cmd "redis-cli ping"')).toEqual({
      command: 'redis-cli ping',
      intervalSeconds: 30,
      timeoutSeconds: 30,
      retries: 3,
      startPeriodSeconds: 0
    })
  })

  it('becomes a readiness probe in whole seconds, run by a shell', () => {
    const check = health(
      '--health-cmd="pg_isready -U $USER" --health-interval 1m30s --health-timeout 500ms --health-retries 5 --health-start-period 2s'
    )
    if (check === undefined) throw new Error('there is none')
    expect(readinessProbe(check)).toEqual({
      exec: { command: ['sh', '-c', 'pg_isready -U $$USER'] },
      periodSeconds: 90,
      timeoutSeconds: 1,
      failureThreshold: 5
    })
    expect(unhealthyAfterMs(check)).toBe((2 + 5 * 91) * 1_000)
  })

  it.each(['--health-cmd true --no-healthcheck', '--health-cmd none', '--health-cmd ""'])('is none with %s', (text) => {
    expect(health(text)).toBeUndefined()
  })
})
