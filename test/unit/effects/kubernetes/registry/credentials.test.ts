/** Goal: what is wrong with a Secret is said before anything is built, by its name and without what is in it. */
import type { V1Secret } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../../../src/effects/kubernetes/api/cluster.ts'
import {
  checkPodSecrets,
  openRegistry,
  readBaseImageConfig
} from '../../../../../src/effects/kubernetes/registry/credentials.ts'
import { namingSecret, type RegistrySettings } from '../../../../../src/effects/kubernetes/registry/settings.ts'
import { createReporter } from '../../../../../src/effects/log/reporter.ts'
import { StepError } from '../../../../../src/errors.ts'

const never = new AbortController().signal
const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')
const PASSWORD = 'very-secret'
const SETTINGS: RegistrySettings = { pushHost: 'reg:5000', pullHost: 'localhost:30500', plainHttp: true }

const login = (...servers: readonly string[]): V1Secret => ({
  type: 'kubernetes.io/dockerconfigjson',
  data: {
    '.dockerconfigjson': base64(
      JSON.stringify({
        auths: Object.fromEntries(servers.map((server) => [server, { username: 'u', password: PASSWORD }]))
      })
    )
  }
})

function place(secrets: Readonly<Record<string, V1Secret>>) {
  const asked: string[] = []
  let log = ''
  const cluster = {
    namespace: 'arc',
    async getSecret(name: string) {
      asked.push(name)
      return secrets[name]
    }
  } as unknown as Cluster
  const reporter = createReporter((data) => {
    log += data
  })
  return { cluster, reporter, asked, log: () => log }
}

describe('opening the registry', () => {
  it('asks the cluster for nothing when no Secret is configured', async () => {
    const there = place({})
    await openRegistry(there, SETTINGS, never)
    await checkPodSecrets(there, SETTINGS, never)
    expect(there.asked).toEqual([])
    expect(there.log()).toBe('')
  })

  it.each(['push', 'base', 'in place'])(
    'prints nothing of Secret %s, and hides it in all that is said',
    async (name) => {
      const there = place({ push: login('reg:5000'), base: login('example.com') })
      if (name === 'push') await openRegistry(there, { ...SETTINGS, pushSecret: 'push' }, never)
      else if (name === 'in place') expect(await readBaseImageConfig(there, 'base', never)).toContain('example.com')
      else await checkPodSecrets(there, { ...SETTINGS, baseImageSecret: 'base' }, never)
      expect(there.log()).toBe('')
      there.reporter.foreign(Buffer.from(`auth ${base64(`u:${PASSWORD}`)}, password ${PASSWORD}\n`))
      there.reporter.error(PASSWORD)
      expect(there.log()).toBe('auth ***, password ***\n::error::***\n')
    }
  )

  it('hides what a Secret of another kind than it has to be holds, too', async () => {
    const there = place({ push: { ...login('reg:5000'), type: 'Opaque' } })
    const opening = openRegistry(there, { ...SETTINGS, pushSecret: 'push' }, never)
    await expect(opening).rejects.toMatchObject({ code: 'not-configured' })
    expect(there.reporter.redact(PASSWORD)).toBe('***')
  })

  it.each([
    ['pushSecret', undefined, /Secret it, which \w+_REGISTRY_PUSH_SECRET names, is not in namespace arc/],
    ['pushSecret', { type: 'Opaque', data: {} }, /Secret it, which .* is not of type kubernetes\.io\/dockerconfigjson/],
    ['pushSecret', login('ghcr.io', 'reg'), /has no user name and password for reg:5000, only for ghcr\.io, reg$/],
    ['pushSecret', login(), /only for no registry at all$/],
    ['pullSecret', undefined, /REGISTRY_PULL_SECRET names, is not in/],
    ['pullSecret', login('reg:5000'), /for localhost:30500, only for reg:5000$/],
    ['baseImageSecret', undefined, /BASE_IMAGE_SECRET names, is not in/],
    ['baseImageSecret', { ...login('a'), type: 'Opaque' }, /BASE_IMAGE_SECRET names, is not of type/],
    ['caSecret', undefined, /REGISTRY_CA_SECRET names, is not in/],
    [
      'caSecret',
      { data: { 'tls.crt': base64('-----BEGIN CERTIFICATE-----') } },
      /no certificate in PEM under the key ca\.crt$/
    ]
  ] as const)('refuses a wrong %s: %o', async (setting, secret, expected) => {
    const there = place(secret === undefined ? {} : { it: secret })
    const settings = { ...SETTINGS, [setting]: 'it' }
    const opening = openRegistry(there, settings, never).then(() => checkPodSecrets(there, settings, never))
    await expect(opening).rejects.toMatchObject({ code: 'not-configured', message: expect.stringMatching(expected) })
  })
})

describe('a refusal', () => {
  const refusal = (code: 'push-denied' | 'base-image-denied' | 'image-denied') => new StepError(code, 'Refused')

  it.each([
    ['push-denied', 'pushSecret', 'REGISTRY_PUSH_SECRET'],
    ['base-image-denied', 'baseImageSecret', 'BASE_IMAGE_SECRET'],
    ['image-denied', 'pullSecret', 'REGISTRY_PULL_SECRET']
  ] as const)('%s names the Secret of %s, or the variable to set', (code, setting, variable) => {
    const named = namingSecret(refusal(code), { ...SETTINGS, [setting]: 'it' })
    expect([named.code, named.message]).toEqual([code, 'Refused; the credentials were those of Secret it'])
    expect(namingSecret(refusal(code), SETTINGS).message).toContain(`set ACTIONS_RUNNER_CONTAINER_HOOKS_${variable}`)
  })

  it('of another kind stays as it is', () => {
    const other = new StepError('push-failed', 'Failed')
    expect(namingSecret(other, SETTINGS)).toBe(other)
  })
})
