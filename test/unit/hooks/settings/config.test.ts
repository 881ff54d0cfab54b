/** Goal: a setting is read as documented, and a wrong one is named in one line. */
import { describe, expect, it } from 'vitest'
import { chooseBuilders } from '../../../../src/effects/builders/choose.ts'
import { readConfig, readConnection } from '../../../../src/hooks/settings/config.ts'

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS_'
const minimal = {
  ACTIONS_RUNNER_POD_NAME: 'runner-abc',
  RUNNER_WORKSPACE: '/home/runner/_work/repo',
  RUNNER_TEMP: '/home/runner/_work/_temp',
  GITHUB_WORKSPACE: '/home/runner/_work/repo/repo'
}
const registry = {
  [`${PREFIX}REGISTRY_HOST`]: 'docker-registry',
  [`${PREFIX}REGISTRY_PORT`]: '5000',
  [`${PREFIX}REGISTRY_NODE_PORT`]: '30500'
}

describe('reading the settings', () => {
  it('needs the pod name and the directories only', () => {
    expect(readConfig(minimal)).toEqual({
      runnerPod: 'runner-abc',
      paths: {
        runnerWorkspace: '/home/runner/_work/repo',
        runnerTemp: '/home/runner/_work/_temp',
        githubWorkspace: '/home/runner/_work/repo/repo'
      },
      registry: undefined,
      hashFiles: [],
      origin: {},
      traces: { directory: '/home/runner/_diag/slipway', isDefault: true }
    })
  })

  it('writes no traces when they are off', () => {
    expect(readConfig({ ...minimal, [`${PREFIX}TRACE_DIRECTORY`]: 'off' }).traces).toBeUndefined()
  })

  it('reads whether ports of the node are taken', () => {
    const variable = `${PREFIX}HOST_PORTS`
    expect(readConfig({ ...minimal, [variable]: 'on' }).hostPorts).toBe(true)
    expect(readConfig({ ...minimal, [variable]: 'off' }).hostPorts).toBe(false)
    expect(() => readConfig({ ...minimal, [variable]: 'yes' })).toThrow(`${variable} must be`)
  })

  it('reads how much may come back in GiB', () => {
    const variable = `${PREFIX}COLLECT_MAX_GIB`
    expect(readConfig({ ...minimal, [variable]: '3' }).bytesMax).toBe(3 * 1024 ** 3)
    for (const wrong of ['0', '-1', '1.5', '1e3', '10000', 'all']) {
      expect(() => readConfig({ ...minimal, [variable]: wrong }), wrong).toThrow(`${variable} must be a whole number`)
    }
  })

  it('reads everything else', () => {
    const config = readConfig({
      ...minimal,
      ...registry,
      ACTIONS_RUNNER_KUBERNETES_NAMESPACE: 'ci',
      ACTIONS_RUNNER_CLAIM_NAME: 'work',
      ACTIONS_RUNNER_IMAGE: 'runner:1',
      [`${PREFIX}BUILDER_IMAGE`]: 'kaniko:test',
      [`${PREFIX}TRACE_DIRECTORY`]: '/var/traces',
      GITHUB_REPOSITORY: 'owner/repo',
      GITHUB_WORKFLOW: 'Build & test',
      GITHUB_RUN_ID: '42',
      GITHUB_JOB: 'unit'
    })
    expect(config).toMatchObject({
      namespace: 'ci',
      claimName: 'work',
      runnerImage: 'runner:1',
      builderImage: 'kaniko:test',
      origin: { repository: 'owner/repo', workflow: 'Build & test', run: '42', job: 'unit' },
      traces: { directory: '/var/traces', isDefault: false },
      registry: { pushHost: 'docker-registry:5000', pullHost: 'localhost:30500', plainHttp: true }
    })
  })

  it('reads which builder to use, and where its daemon is', () => {
    const variables = {
      ...minimal,
      [`${PREFIX}BUILDER`]: 'buildkit',
      [`${PREFIX}PUSHER_IMAGE`]: 'kaniko:test',
      [`${PREFIX}BUILDKIT_HOST`]: 'tcp://buildkitd.buildkit.svc:1234',
      [`${PREFIX}BUILDKIT_TLS_SECRET`]: 'buildkit-client'
    }
    expect(readConfig(variables)).toMatchObject({
      builder: 'buildkit',
      pusherImage: 'kaniko:test',
      builderDaemon: { address: 'tcp://buildkitd.buildkit.svc:1234', tlsSecret: 'buildkit-client' }
    })
  })

  it.each([{}, { BUILDER: 'auto' }])('lets each Dockerfile have its builder where several are set up: %o', (given) => {
    const variables = Object.fromEntries(Object.entries(given).map(([name, value]) => [`${PREFIX}${name}`, value]))
    const config = readConfig({ ...minimal, ...variables, [`${PREFIX}BUILDKIT_HOST`]: 'tcp://b:1' })
    expect(chooseBuilders(config).map(({ definition }) => definition.name)).toEqual(['kaniko', 'buildkit'])
    const inPod = readConfig({
      ...minimal,
      ...variables,
      [`${PREFIX}BUILDKIT_SECCOMP_PROFILE`]: 'slipway/buildkit.json'
    })
    expect(chooseBuilders(inPod).map(({ definition }) => definition.name)).toEqual(['kaniko', 'buildkit-in-pod'])
    const alone = chooseBuilders(readConfig({ ...minimal, ...variables }))
    expect(alone.map(({ definition }) => definition.name)).toEqual(['kaniko'])
  })

  it.each([
    [{ BUILDER: 'buildkit' }, `set ${PREFIX}BUILDKIT_HOST too`],
    [{ BUILDER: 'buildkit-in-pod' }, `set ${PREFIX}BUILDKIT_SECCOMP_PROFILE too`],
    [
      { BUILDER: 'kaniko', BUILDKIT_SECCOMP_PROFILE: 'a.json' },
      `${PREFIX}BUILDKIT_SECCOMP_PROFILE is set, but kaniko builds: set ${PREFIX}BUILDER to buildkit-in-pod`
    ],
    [
      { BUILDER: 'buildkit', BUILDKIT_HOST: 'tcp://b:1', BUILDKIT_SECCOMP_PROFILE: 'a.json' },
      `${PREFIX}BUILDKIT_SECCOMP_PROFILE is set, but buildkit builds`
    ],
    [
      { BUILDKIT_HOST: 'tcp://b:1', BUILDKIT_SECCOMP_PROFILE: 'a.json' },
      `${PREFIX}BUILDKIT_HOST and ${PREFIX}BUILDKIT_SECCOMP_PROFILE both say where BuildKit is`
    ],
    [
      { BUILDKIT_SECCOMP_PROFILE: 'a.json', BUILD_USER_NAMESPACE: 'off' },
      `${PREFIX}BUILD_USER_NAMESPACE is off: BuildKit in the build pod needs a user namespace`
    ],
    [{ BUILDKIT_SECCOMP_PROFILE: '/var/lib/a.json' }, `${PREFIX}BUILDKIT_SECCOMP_PROFILE must be a path below`],
    [{ BUILDKIT_SECCOMP_PROFILE: 'a/../../b.json' }, `${PREFIX}BUILDKIT_SECCOMP_PROFILE must be a path below`],
    [{ BUILDER: 'kaniko', BUILDKIT_HOST: 'tcp://b:1' }, `${PREFIX}BUILDKIT_HOST is set, but kaniko builds`],
    [{ BUILDKIT_TLS_SECRET: 'certificates' }, `${PREFIX}BUILDKIT_TLS_SECRET is set, but ${PREFIX}BUILDKIT_HOST is not`],
    [{ BUILDER: 'docker' }, `${PREFIX}BUILDER must be kaniko or buildkit-in-pod or buildkit or auto`],
    [
      { BUILDER: 'buildkit', BUILDKIT_HOST: 'tcp://buildkitd:1234', BUILD_MIRRORS: 'docker.io=mirror' },
      `${PREFIX}BUILD_MIRRORS is set, but with buildkit the daemon pulls`
    ],
    [{ BUILDER: 'buildkit', BUILDKIT_HOST: 'buildkitd:1234' }, `${PREFIX}BUILDKIT_HOST must be tcp://host:port`],
    [{ BUILDER: 'buildkit', BUILDKIT_HOST: 'unix:///run/x' }, `${PREFIX}BUILDKIT_HOST must be tcp://host:port`]
  ])('refuses a builder and a daemon that do not go together: %o', (given, expected) => {
    const variables = Object.fromEntries(Object.entries(given).map(([name, value]) => [`${PREFIX}${name}`, value]))
    const read = () => readConfig({ ...minimal, ...variables })
    expect(read).toThrow(expected)
    const isWrong = /must be/.test(expected)
    expect(read).toThrow(expect.objectContaining({ code: isWrong ? 'invalid-input' : 'not-configured' }))
  })

  it.each([
    [
      { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' },
      { host: '10.0.0.1', port: '443' }
    ],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, undefined],
    [{ KUBERNETES_SERVICE_PORT: '443' }, undefined],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443', KUBECONFIG: '/k' }, undefined]
  ])('finds the API server of %o at %o', (variables, service) => {
    expect(readConfig({ ...minimal, ...variables }).service).toEqual(service)
    expect(readConnection(variables).service).toEqual(service)
  })

  it('repeats what is wrong, and says where to correct it', () => {
    expect(() => readConfig({ ...minimal, RUNNER_TEMP: 'temp' })).toThrow(
      "RUNNER_TEMP must be an absolute path, but is 'temp'; correct it on the runner"
    )
  })

  it('repeats no user name and password of a host that is wrong', () => {
    const variables = { ...minimal, [`${PREFIX}REGISTRY_HOST`]: 'https://user:pass@word@reg/x' }
    expect(() => readConfig(variables)).toThrow("but is '***@reg/x'")
    expect(() => readConfig(variables)).not.toThrow(/user|pass/)
  })

  it('reads where cluster and registry are without a runner around it', () => {
    const variables = { ...registry, ACTIONS_RUNNER_KUBERNETES_NAMESPACE: 'ci', ACTIONS_RUNNER_POD_NAME: 'Not A Name' }
    expect(readConnection(variables)).toEqual({
      namespace: 'ci',
      registry: { pushHost: 'docker-registry:5000', pullHost: 'localhost:30500', plainHttp: true }
    })
  })

  it('takes an empty variable as unset', () => {
    expect(readConfig({ ...minimal, ACTIONS_RUNNER_CLAIM_NAME: '', [`${PREFIX}REGISTRY_HOST`]: ' ' })).toEqual(
      readConfig(minimal)
    )
  })

  it.each([
    ['ACTIONS_RUNNER_POD_NAME', undefined, 'ACTIONS_RUNNER_POD_NAME is not set'],
    ['ACTIONS_RUNNER_POD_NAME', 'Not A Name', 'ACTIONS_RUNNER_POD_NAME must be a Kubernetes name'],
    ['RUNNER_TEMP', undefined, 'RUNNER_TEMP is not set'],
    ['GITHUB_WORKSPACE', 'repo', 'GITHUB_WORKSPACE must be an absolute path'],
    [`${PREFIX}REGISTRY_NODE_PORT`, 'abc', `${PREFIX}REGISTRY_NODE_PORT must be a port number from 1 to 65535`],
    [`${PREFIX}REGISTRY_PORT`, '65536', `${PREFIX}REGISTRY_PORT must be a port number`],
    [`${PREFIX}TRACE_DIRECTORY`, 'traces', `${PREFIX}TRACE_DIRECTORY must be an absolute path or off`],
    [`${PREFIX}REGISTRY_HOST`, 'http://reg', `${PREFIX}REGISTRY_HOST must be host[:port][/path], without scheme`]
  ])('refuses %s = %s', (variable, value, expected) => {
    expect(() => readConfig({ ...minimal, ...registry, [variable]: value })).toThrow(expected)
  })

  it.each(Object.keys(registry))('names %s when only that part of the registry is missing', (variable) => {
    const partly = { ...minimal, ...registry, [variable]: undefined }
    expect(() => readConfig(partly)).toThrow(expect.objectContaining({ code: 'not-configured' }))
    expect(() => readConfig(partly)).toThrow(`set ${variable} too`)
  })
})
