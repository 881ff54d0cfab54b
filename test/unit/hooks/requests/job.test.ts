/** Goal: the machine gets what docker would have been told. Method: one rule of the protocol after the other. */
import { describe, expect, it } from 'vitest'
import { toJobRequest } from '../../../../src/hooks/requests/job.ts'
import { parseInput } from '../../../../src/hooks/requests/protocol.ts'

const paths = { runnerWorkspace: '/w/repo', runnerTemp: '/w/_temp', githubWorkspace: '/w/repo/repo' }

function request(args: object) {
  const input = parseInput(JSON.stringify({ command: 'prepare_job', args }))
  if (input.command !== 'prepare_job') throw new Error('another command')
  return toJobRequest(input.args, paths)
}

const mount = (source: string | null, target: string, readOnly = false) => ({
  userProvidedValue: null,
  sourceVolumePath: source,
  targetVolumePath: target,
  readOnly
})

describe('a job as data', () => {
  it('has its container and its services in order, whatever is null', () => {
    const { container, services } = request({
      container: {
        image: 'docker://node:22',
        entryPoint: null,
        entryPointArgs: null,
        workingDirectory: '/__w/repo/repo',
        createOptions: '--cpus 1',
        environmentVariables: { A: 'b', EMPTY: null },
        portMappings: null,
        userMountVolumes: null,
        registry: null
      },
      services: [
        { image: 'redis', entryPointArgs: ['--save', '"a', 'b"'], portMappings: ['6379'] },
        { image: 'postgres', entryPoint: '/run', registry: { username: 'u', password: 'p', serverUrl: '' } }
      ]
    })
    expect(container).toEqual({
      image: 'node:22',
      entryPoint: undefined,
      args: [],
      env: { A: 'b', EMPTY: '' },
      workingDirectory: '/__w/repo/repo',
      createOptions: '--cpus 1',
      ports: [],
      volumes: [],
      credentials: undefined
    })
    expect(services.map(({ image }) => image)).toEqual(['redis', 'postgres'])
    expect(services[0]).toMatchObject({ args: ['--save', 'a b'], ports: ['6379'] })
    expect(services[1]).toMatchObject({ entryPoint: '/run', credentials: { username: 'u', password: 'p', server: '' } })
  })

  it('has volumes by path, by name, and new ones', () => {
    const userMountVolumes = [mount('/w/repo/./data/', '/data/', true), mount('cache', '/cache'), mount(null, '/new')]
    expect(request({ container: { image: 'a', userMountVolumes } }).container?.volumes).toEqual([
      { source: '/w/repo/data', target: '/data', readOnly: true },
      { source: 'cache', target: '/cache', readOnly: false },
      { source: '', target: '/new', readOnly: false }
    ])
  })

  it('sees the runner directories of this machine, whatever machine the request names', () => {
    const systemMountVolumes = [
      mount('/var/run/docker.sock', '/var/run/docker.sock'),
      mount('/Users/me/_work', '/__w'),
      mount('/Users/me/externals', '/__e', true),
      mount('/Users/me/_work/_temp', '/__w/_temp'),
      mount('/Users/me/_work/_temp/_github_home', '/github/home'),
      mount('/Users/me/_work/_temp/_github_workflow', '/github/workflow'),
      mount('/opt/tools', '/__t')
    ]
    expect(request({ container: { image: 'a', systemMountVolumes } }).mounts).toEqual([
      { source: '/w', target: '/__w', readOnly: false },
      { source: '/w/_temp/_github_home', target: '/github/home', readOnly: false },
      { source: '/w/_temp/_github_workflow', target: '/github/workflow', readOnly: false },
      { source: '/Users/me/externals', target: '/__e', readOnly: true },
      { source: '/opt/tools', target: '/__t', readOnly: false }
    ])
  })

  it('takes the scheme of the runner off an image, and nothing else', () => {
    const imageOf = (image: string) => request({ container: { image } }).container?.image
    expect(imageOf(' DOCKER://node:22 ')).toBe('node:22')
    expect(imageOf('registry/docker://x')).toBe('registry/docker://x')
  })

  it('has credentials only with a user name', () => {
    const credentialsOf = (registry: object) => request({ container: { image: 'a', registry } }).container?.credentials
    expect(credentialsOf({ username: 'u', password: 'p', serverUrl: 'ghcr.io' })).toEqual({
      username: 'u',
      password: 'p',
      server: 'ghcr.io'
    })
    expect(credentialsOf({ username: 'u' })).toEqual({ username: 'u', password: '', server: '' })
    expect(credentialsOf({ password: 'p', serverUrl: 'ghcr.io' })).toBeUndefined()
  })

  it('needs no container; the services still have the work directory', () => {
    const { container, services, mounts } = request({ services: [{ image: 'redis' }] })
    expect([container, services.length]).toEqual([undefined, 1])
    expect(mounts).toEqual([
      { source: '/w', target: '/__w', readOnly: false },
      { source: '/w/_temp/_github_home', target: '/github/home', readOnly: false },
      { source: '/w/_temp/_github_workflow', target: '/github/workflow', readOnly: false },
      { source: '', target: '/__e', readOnly: true }
    ])
  })

  it.each([
    ['/__w/_actions', false],
    ['/__work', true],
    ['/github/home/.cache', false],
    ['/github/homes', true],
    ['/run/docker.sock', false],
    ['/run/docker.sock.d', true],
    ['/', true]
  ])('sees what else the runner mounts, at %s: %s', (target, isSeen) => {
    const systemMountVolumes = [mount('/opt/x/', target)]
    const { mounts } = request({ container: { image: 'a', systemMountVolumes } })
    expect(mounts.slice(4)).toEqual(isSeen ? [{ source: '/opt/x', target, readOnly: false }] : [])
  })

  it('names the field that is wrong, as wrong input', () => {
    const systemMountVolumes = [mount('/opt/x', '/x'), mount('/opt/y', 'y')]
    expect(() => request({ container: { image: 'a', systemMountVolumes } })).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        message: expect.stringContaining('args.container.systemMountVolumes[1].targetVolumePath')
      })
    )
  })

  it('names the field that is missing', () => {
    expect(() => request({ container: { image: ' ' } })).toThrow(expect.objectContaining({ code: 'invalid-input' }))
    expect(() => request({ container: { image: '' } })).toThrow('args.container.image is missing')
    expect(() => request({ container: { image: 'a' }, services: [{ image: null }] })).toThrow(
      'args.services[0].image is missing'
    )
    expect(() => request({ container: { image: 'a', userMountVolumes: [mount('a', 'b')] } })).toThrow(
      'args.container.userMountVolumes[0].targetVolumePath must be an absolute path'
    )
  })
})
