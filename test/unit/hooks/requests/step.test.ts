/** Goal: the machine gets what docker would have been told. Method: one rule of the protocol after the other. */
import { describe, expect, it } from 'vitest'
import { parseInput } from '../../../../src/hooks/requests/protocol.ts'
import { toStepRequest } from '../../../../src/hooks/requests/step.ts'

const paths = {
  runnerWorkspace: '/w/repo',
  runnerTemp: '/w/_temp',
  githubWorkspace: '/w/repo/repo'
}

function request(args: object) {
  const input = parseInput(JSON.stringify({ command: 'run_container_step', args }))
  if (input.command !== 'run_container_step') throw new Error('another command')
  return toStepRequest(input.args, paths)
}

const mount = (source: string | null, target: string, readOnly = false) => ({
  userProvidedValue: null,
  sourceVolumePath: source,
  targetVolumePath: target,
  readOnly
})

describe('a container step as data', () => {
  it('keeps the entrypoint of the image when none is given', () => {
    expect(request({ image: 'a' }).entryPoint).toBeUndefined()
    expect(request({ image: 'a', entryPoint: '' }).entryPoint).toBeUndefined()
    expect(request({ image: 'a', entryPoint: '/run.sh' }).entryPoint).toBe('/run.sh')
  })

  it('undoes the quoting of the arguments', () => {
    expect(request({ image: 'a', entryPointArgs: ['"two', 'words"', '""'] }).args).toEqual(['two words', ''])
  })

  it('says that it is GitHub Actions and CI, and lets the step overrule CI only', () => {
    expect(request({ image: 'a', environmentVariables: { A: '' } }).env).toEqual({
      A: '',
      CI: 'true',
      GITHUB_ACTIONS: 'true'
    })
    const given = request({ image: 'a', environmentVariables: { CI: 'false', GITHUB_ACTIONS: 'false' } })
    expect(given.env).toEqual({ CI: 'false', GITHUB_ACTIONS: 'true' })
  })

  it('works in the workspace unless told otherwise', () => {
    expect(request({ image: 'a' }).workingDirectory).toBe('/github/workspace')
    expect(request({ image: 'a', workingDirectory: '/x' }).workingDirectory).toBe('/x')
  })

  it('normalises the path of the Dockerfile', () => {
    const { dockerfile, image } = request({ dockerfile: '/w/_actions/o/r/v1/sub/../my.Dockerfile' })
    expect(dockerfile).toBe('/w/_actions/o/r/v1/my.Dockerfile')
    expect(image).toBeUndefined()
  })

  it('lets the image win, without its scheme', () => {
    const both = request({ image: 'docker://alpine:3', dockerfile: '/w/Dockerfile' })
    expect(both).toMatchObject({ image: 'alpine:3' })
    expect(both.dockerfile).toBeUndefined()
  })

  it('takes the scheme of the runner off, and nothing else', () => {
    expect(request({ image: 'DOCKER://alpine' }).image).toBe('alpine')
    expect(request({ image: 'registry/docker://alpine' }).image).toBe('registry/docker://alpine')
  })

  it('refuses a step with nothing to run', () => {
    expect(() => request({ image: '', dockerfile: null })).toThrow('args.image and args.dockerfile are both missing')
    expect(() => request({ dockerfile: 'Dockerfile' })).toThrow('args.dockerfile must be an absolute path')
  })

  it('mounts what the runner asks for, without the socket of docker', () => {
    const { mounts } = request({
      image: 'a',
      systemMountVolumes: [
        mount('/var/run/docker.sock', '/var/run/docker.sock'),
        mount('/w/_temp/_github_home', '/github/home'),
        mount('/w/repo/repo', '/github/workspace')
      ],
      userMountVolumes: [mount('/data/', '/data', true)]
    })
    expect(mounts).toEqual([
      { source: '/w/_temp/_github_home', target: '/github/home', readOnly: false },
      { source: '/w/repo/repo', target: '/github/workspace', readOnly: false },
      { source: '/data/', target: '/data', readOnly: true }
    ])
  })

  it('sees the runner directories of this machine, whatever machine the request names', () => {
    const systemMountVolumes = [
      mount('/Users/me/_work', '/__w'),
      mount('/Users/me/_work/_temp', '/__w/_temp'),
      mount('/Users/me/externals', '/__e', true),
      mount('//Users/me/_work/_temp/_github_home', '/github/home')
    ]
    expect(request({ image: 'a', systemMountVolumes }).mounts).toEqual([
      { source: '/w', target: '/__w', readOnly: false },
      { source: '/w/_temp', target: '/__w/_temp', readOnly: false },
      { source: '/w/_temp/_github_home', target: '/github/home', readOnly: false }
    ])
  })

  it('reads fragments that the runner cannot have written as words of a shell, like the shipped hook', () => {
    const test = "'if [[ -z $NODE_ENV ]]; then exit 1; fi'"
    expect(request({ image: 'a', entryPointArgs: ['-c', test] }).args).toEqual(['-c', test.slice(1, -1)])
    expect(request({ image: 'a', entryPointArgs: ["'a"] }).args).toEqual(["'a"])
  })

  it('mounts the five directories of /github when the runner asks for none', () => {
    expect(request({ image: 'a', userMountVolumes: [mount('/d', '/d')] }).mounts).toEqual([
      { source: '/w/_temp', target: '/github/runner_temp', readOnly: false },
      { source: '/w/_temp/_github_home', target: '/github/home', readOnly: false },
      { source: '/w/_temp/_github_workflow', target: '/github/workflow', readOnly: false },
      { source: '/w/_temp/_runner_file_commands', target: '/github/file_commands', readOnly: false },
      { source: '/w/repo/repo', target: '/github/workspace', readOnly: false },
      { source: '/d', target: '/d', readOnly: false }
    ])
  })

  it('names the mount it cannot make', () => {
    expect(() => request({ image: 'a', userMountVolumes: [mount('cache', '/c')] })).toThrow(
      expect.objectContaining({
        code: 'not-supported',
        message: expect.stringContaining('args.userMountVolumes[0].sourceVolumePath')
      })
    )
    expect(() => request({ image: 'a', systemMountVolumes: [mount('/s', 't')] })).toThrow(
      'args.systemMountVolumes[0].targetVolumePath'
    )
  })
})
