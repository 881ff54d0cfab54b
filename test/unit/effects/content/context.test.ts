/** Goal: the context and its hash are docker's view of a directory. Method: real directories, changed one thing at a time. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { listContext, readContext } from '../../../../src/effects/content/context.ts'
import { contentHash } from '../../../../src/effects/content/hash.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const never = new AbortController().signal
const made: string[] = []

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true })
})

async function directoryWith(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-context-'))
  made.push(directory)
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), content)
  }
  return directory
}

const placeOf = (directory: string) => ({ root: directory, path: '' })

async function paths(directory: string, dockerfile = 'Dockerfile'): Promise<string[]> {
  const entries = await readContext(placeOf(directory), dockerfile, never)
  const found = entries.map(({ path }) => path).sort()
  expect([...(await listContext(placeOf(directory), dockerfile, never))].sort()).toEqual(found)
  return found
}

async function hashOf(directory: string, dockerfile = 'Dockerfile', builderIdentity = 'b 1'): Promise<string> {
  const entries = await readContext(placeOf(directory), dockerfile, never)
  return contentHash({ entries, dockerfile, builderIdentity })
}

const project = { Dockerfile: 'FROM scratch', 'a.txt': 'a', 'src/main.js': '1', 'src/deep/x': 'x', 'src-b/y': 'y' }

describe('the entries of a build context', () => {
  it('are everything in it', async () => {
    expect(await paths(await directoryWith(project))).toEqual([
      'Dockerfile',
      'a.txt',
      'src',
      'src-b',
      'src-b/y',
      'src/deep',
      'src/deep/x',
      'src/main.js'
    ])
  })

  it('leave out what .dockerignore says, directories with all they hold', async () => {
    const directory = await directoryWith({ ...project, '.dockerignore': 'src\n*.txt' })
    expect(await paths(directory)).toEqual(['.dockerignore', 'Dockerfile', 'src-b', 'src-b/y'])
  })

  it('hold an excluded directory for the sake of what is taken in again', async () => {
    const directory = await directoryWith({ ...project, '.dockerignore': '*\n!src/deep' })
    expect(await paths(directory)).toEqual(['.dockerignore', 'Dockerfile', 'src', 'src/deep', 'src/deep/x'])
  })

  it('always hold the Dockerfile and the ignore files', async () => {
    const files = { 'my.dockerfile': 'FROM scratch', '.dockerignore': '', 'my.dockerfile.dockerignore': '**' }
    expect(await paths(await directoryWith({ ...files, x: '' }), 'my.dockerfile')).toEqual([
      '.dockerignore',
      'my.dockerfile',
      'my.dockerfile.dockerignore'
    ])
  })

  it('follow the ignore file of the Dockerfile before the one of the directory', async () => {
    const files = { ...project, '.dockerignore': 'a.txt', 'Dockerfile.dockerignore': 'src*' }
    expect(await paths(await directoryWith(files))).toEqual([
      '.dockerignore',
      'Dockerfile',
      'Dockerfile.dockerignore',
      'a.txt'
    ])
  })

  it('tell links and modes apart, and do not follow links', async () => {
    const directory = await directoryWith(project)
    await chmod(join(directory, 'a.txt'), 0o755)
    await symlink('src/deep', join(directory, 'link'))
    const entries = await readContext(placeOf(directory), 'Dockerfile', never)
    expect(entries).toContainEqual({ type: 'file', path: 'a.txt', mode: 0o755, sha256: sha256('a') })
    expect(entries).toContainEqual({ type: 'file', path: 'Dockerfile', mode: 0o644, sha256: sha256('FROM scratch') })
    expect(entries).toContainEqual({ type: 'symlink', path: 'link', target: 'src/deep' })
    expect(entries.map(({ path }) => path)).not.toContain('link/x')
  })

  it.each(['pipe', 'deep/pipe'])(
    'with a pipe are refused by its name, unless an ignore file leaves it out: %s',
    async (path) => {
      const directory = await directoryWith({ Dockerfile: 'FROM scratch\n', 'deep/f': '' })
      execFileSync('mkfifo', [join(directory, path)])
      await expect(paths(directory)).rejects.toMatchObject({
        code: 'not-supported',
        message: expect.stringContaining(`'${path}'`)
      })
      await writeFile(join(directory, '.dockerignore'), path)
      expect(await paths(directory)).not.toContain(path)
    }
  )

  it('do not hold sockets', async () => {
    const directory = await directoryWith(project)
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve))
    expect(await paths(directory)).not.toContain('socket')
    await new Promise((resolve) => server.close(resolve))
  })

  it.each(['.dockerignore', 'Dockerfile.dockerignore'])('are refused with a %s that is no plain file', async (name) => {
    const directory = await directoryWith(project)
    execFileSync('mkfifo', [join(directory, name)])
    await expect(paths(directory)).rejects.toMatchObject({ code: 'invalid-input' })
    await rm(join(directory, name))
    await mkdir(join(directory, name))
    await expect(paths(directory)).rejects.toMatchObject({ code: 'invalid-input' })
  })

  it('are given up on when that is cancelled', async () => {
    const directory = await directoryWith(project)
    const listing = listContext(placeOf(directory), 'Dockerfile', AbortSignal.abort())
    await expect(listing).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('the hash of a build', () => {
  it('is the same for the same files elsewhere, at another time', async () => {
    const one = await directoryWith(project)
    const other = await directoryWith(Object.fromEntries(Object.entries(project).reverse()))
    await utimes(join(other, 'a.txt'), 1, 1)
    expect(await hashOf(one)).toMatch(/^[0-9a-f]{64}$/)
    expect(await hashOf(other)).toBe(await hashOf(one))
  })

  it('does not depend on what is left out', async () => {
    const directory = await directoryWith({ ...project, '.dockerignore': 'src' })
    const before = await hashOf(directory)
    await writeFile(join(directory, 'src/main.js'), 'changed')
    expect(await hashOf(directory)).toBe(before)
  })

  it.each<readonly [string, (directory: string) => Promise<void>]>([
    ['a content', (directory) => writeFile(join(directory, 'a.txt'), 'b')],
    ['the Dockerfile', (directory) => writeFile(join(directory, 'Dockerfile'), 'FROM x')],
    ['an executable bit', (directory) => chmod(join(directory, 'a.txt'), 0o755)],
    ['another mode', (directory) => chmod(join(directory, 'a.txt'), 0o600)],
    ['a setuid bit', (directory) => chmod(join(directory, 'a.txt'), 0o4644)],
    ['the mode of a directory', (directory) => chmod(join(directory, 'src'), 0o1777)],
    ['an empty directory', (directory) => mkdir(join(directory, 'empty')).then(() => {})],
    ['a new empty file', (directory) => writeFile(join(directory, 'empty'), '')],
    ['a removed file', (directory) => rm(join(directory, 'a.txt'))],
    ['an ignore file', (directory) => writeFile(join(directory, '.dockerignore'), '')]
  ])('changes with %s', async (_title, change) => {
    const directory = await directoryWith(project)
    const before = await hashOf(directory)
    await change(directory)
    expect(await hashOf(directory)).not.toBe(before)
  })

  it('changes with the target of a link, and between a link and a file', async () => {
    const [one, other, file] = [await directoryWith({}), await directoryWith({}), await directoryWith({ link: 'a' })]
    await symlink('a', join(one, 'link'))
    await symlink('b', join(other, 'link'))
    expect(new Set([await hashOf(one), await hashOf(other), await hashOf(file)]).size).toBe(3)
  })

  it('changes with the choice of the Dockerfile and with the builder', async () => {
    const directory = await directoryWith({ ...project, Other: 'FROM scratch' })
    const hashes = [
      await hashOf(directory),
      await hashOf(directory, 'Other'),
      await hashOf(directory, 'Dockerfile', 'b 2')
    ]
    expect(new Set(hashes).size).toBe(3)
  })

  it('keeps names and contents apart', async () => {
    const one = await directoryWith({ ab: 'c' })
    const other = await directoryWith({ a: 'bc' })
    expect(await hashOf(one)).not.toBe(await hashOf(other))
  })
})
