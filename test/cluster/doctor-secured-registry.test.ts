/** `slipway doctor` with a registry that has TLS and a password: what opens it is found wrong, and told to nobody. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Changes, installCli } from './support/cli.ts'
import { diagnose, doctorCommand, expectFault, failed } from './support/doctor.ts'
import { useRunnerPod } from './support/harness.ts'
import { canBuild } from './support/images.ts'
import {
  createSecuredRegistry,
  type GivenSecrets,
  PASSWORD,
  registrySettings,
  type SecuredRegistry
} from './support/secured-registry.ts'

describe.skipIf(!(await canBuild()))('doctor with a registry with TLS and a password', () => {
  const runner = useRunnerPod('copy')
  let registry: SecuredRegistry
  let secrets: GivenSecrets

  beforeAll(async () => {
    registry = await createSecuredRegistry()
    secrets = await registry.giveSecrets(runner().namespace)
    await installCli(runner())
  })
  afterAll(() => registry?.remove())

  const settings = (changes: Changes = {}): Changes => registrySettings(registry, secrets, changes)

  it('passes one that works, and tells no secret', async () => {
    const { exitCode, checks } = await diagnose(runner(), settings())
    expect(failed(checks)).toEqual([])
    expect(exitCode).toBe(0)
    expect(checks.find(({ name }) => name === 'Registry Secrets')?.why).toContain(secrets.push)
    expect(checks.find(({ name }) => name === 'Pull')?.why).toContain(`${registry.pullHost}/ci/images/`)
    expect(JSON.stringify(checks)).not.toContain(PASSWORD)
    expect(await registry.content()).toEqual([])
  })

  it.each<[string, Readonly<Record<string, string | undefined>>, string, RegExp, RegExp]>([
    [
      'a wrong password',
      { PUSH_SECRET: 'given-wrong' },
      'Registry',
      /refuses the user name or the password of Secret given-wrong/,
      /kubectl create secret docker-registry NAME -n slipway-test-/
    ],
    [
      'a Secret that is not there',
      { PUSH_SECRET: 'given-nothing' },
      'Registry Secrets',
      /Secret given-nothing,.* is not in namespace/,
      /kubectl create secret docker-registry NAME -n slipway-test-/
    ],
    [
      'an authority that is not trusted',
      { CA_SECRET: undefined, PLAIN_HTTP: 'false' },
      'Registry',
      /cannot be reached: .*certificate/,
      /kubectl create secret generic NAME -n slipway-test-\w+ --from-file=ca.crt/
    ],
    [
      'a password with which nodes are refused',
      { PULL_SECRET: 'given-wrong' },
      'Pull',
      /those of Secret given-wrong/,
      /_REGISTRY_PULL_SECRET/
    ]
  ])('names the fault and the fix of %s', async (_what, changes, check, why, fix) => {
    await expectFault(runner(), settings(changes), check, why, fix)
  })

  it('shows no secret to who looks at its lines', async () => {
    const { stdout, stderr } = await runner().exec(doctorCommand(settings({ PUSH_SECRET: 'given-wrong' })))
    expect(stdout).toContain('✗ Registry')
    expect(stdout + stderr).not.toContain(PASSWORD)
  })
})
