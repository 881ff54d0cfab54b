/**
 * Goal: names that are no text, devices, pipes and sockets, holes and second names in a workspace neither stop a step nor vanish in copy
 * mode. Method: as in step.test.ts, the product's own scripts on directories.
 */
import { spawnSync } from 'node:child_process'
import { link, mkdir, open, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { JobSite } from '../../../../../src/effects/kubernetes/context/site.ts'
import { chooseTransfer } from '../../../../../src/effects/kubernetes/files/choose.ts'
import { StepError } from '../../../../../src/errors.ts'
import { letTimePass } from '../../../../support/work-volume.ts'
import { useDisks } from './fixture.ts'

const never = new AbortController().signal
const STEP = 'runner-abc-step-0'
const JOB: JobSite = { pod: 'runner-abc-workflow', uid: 'uid-job', serviceNames: [] }
const lost = () => new StepError('run-lost', 'gone')
const isRoot = process.getuid?.() === 0

const disks = useDisks(STEP, JOB.pod)

const bytes = (text: string) => Buffer.from(text, 'latin1')
const at = (directory: string, name: string) => Buffer.concat([Buffer.from(`${directory}/`), bytes(name)])

/** Names as bytes, with kind, size and link. */
function listing(directory: string): string[] {
  const { stdout } = spawnSync('find', [directory, '-mindepth', '1', '-printf', '%P %y %s %l\\0'], {
    encoding: 'latin1'
  })
  return stdout
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.replace(/ d \d+/, ' d'))
    .toSorted()
}

describe.each([
  ['the runner’s disk', undefined],
  ['the job pod', JOB]
])('in a workspace of %s', (_title, job) => {
  const WORKSPACE = 'repo/repo'
  let here = ''
  let step = ''
  beforeEach(async () => {
    here = join(job === undefined ? disks().runner : disks().volume(JOB.pod), WORKSPACE)
    step = join(disks().volume(STEP), WORKSPACE)
    await mkdir(here, { recursive: true })
  })

  async function run(work: () => Promise<unknown>): Promise<void> {
    const transfer = chooseTransfer(await disks().site({ ...(job && { job }) }))
    const mounts = [{ source: join(disks().runner, WORKSPACE), target: '/github/workspace', readOnly: false }]
    const copied = await transfer.copyInStep({ pod: STEP, lost }, mounts, never)
    for (const disk of [disks().volume(STEP), disks().volume(JOB.pod), disks().runner]) letTimePass(disk)
    await work()
    await transfer.copyOutStep({ pod: STEP, ...copied }, mounts, never)
  }

  test('names that are not UTF-8 arrive, and come back changed, new, renamed and removed', async () => {
    for (const name of ['caf\xe9.txt', 'gone\xff', 'kept\x80', 'a\nb\xe9']) await writeFile(at(here, name), name)
    await mkdir(at(here, 'dir\xe9'))
    await writeFile(at(here, 'dir\xe9/f\xe9'), 'deep')
    await mkdir(at(here, 'gone-dir\xe9'))
    await writeFile(at(here, 'gone-dir\xe9/f'), '')
    await symlink(bytes('caf\xe9.txt'), at(here, 'link\xe9'))
    const before = listing(here)
    await run(async () => {
      expect(listing(step)).toEqual(before)
      await writeFile(at(step, 'caf\xe9.txt'), 'changed by the action')
      await writeFile(at(step, 'new\xe9'), 'new')
      await rm(at(step, 'gone\xff'))
      await rm(at(step, 'gone-dir\xe9'), { recursive: true })
      await rename(at(step, 'dir\xe9'), at(step, 'moved\xe9'))
      await symlink(bytes('new\xe9'), at(step, 'link-to\xfe'))
    })
    expect(listing(here)).toEqual(listing(step))
    expect(listing(here)).toContain('caf\xe9.txt f 21 ')
    expect(listing(here)).toContain('link-to\xfe l 4 new\xe9')
  })

  test.skipIf(!isRoot)(
    'devices stay where they are and stop nothing, whatever they are called (needs root)',
    async () => {
      for (const name of ['null', '*', 'a[b]c', 'back\\slash', ' blank ', 'line\nend', 'caf\xe9']) {
        const made = spawnSync('sh', ['-c', 'mknod "$(printf %b "$0"; echo .)" c 1 3', `${here}/${escaped(name)}`])
        expect(made.status).toBe(0)
      }
      await mkdir(join(here, 'rootfs/dev'), { recursive: true })
      expect(spawnSync('mknod', [join(here, 'rootfs/dev/sda'), 'b', '8', '0']).status).toBe(0)
      for (const name of ['file', 'abc', 'rootfs/dev/kept']) await writeFile(join(here, name), name)
      const before = listing(here)
      expect(before.filter((line) => / [bc] /.test(line))).toHaveLength(8)
      await run(async () => {
        expect(listing(step)).toEqual(before.filter((line) => !/ [bc] /.test(line)))
        await writeFile(join(step, 'rootfs/dev/kept'), 'changed')
        await rm(join(step, 'file'))
      })
      expect(listing(here)).toEqual(
        before.filter((line) => !line.startsWith('file ')).map((line) => line.replace('dev/kept f 15', 'dev/kept f 7'))
      )
    }
  )

  test('pipes and sockets stop nothing, neither on the way there nor on the way back', async () => {
    spawnSync('mkfifo', [join(here, 'pipe')])
    await writeFile(join(here, 'file'), '1')
    const server = createServer().listen(join(here, 's'))
    await new Promise((resolve) => server.once('listening', resolve))
    await run(async () => {
      expect(listing(step)).toContain('file f 1 ')
      expect(listing(step).filter((line) => line.startsWith('s '))).toEqual([])
      spawnSync('mkfifo', [join(step, 'new-pipe')])
      await writeFile(join(step, 'file'), '22')
    })
    server.close()
    expect(listing(here)).toContain('file f 2 ')
    expect(listing(here).filter((line) => line.includes('new-pipe'))).toEqual([])
    expect(listing(here)).toContain('pipe p 0 ')
  })

  test('times are exact there, holes stay holes, and second names second names, both ways', async () => {
    const sparse = async (path: string) => {
      const file = await open(path, 'w')
      await file.write('end', 30 * 1024 * 1024)
      await file.close()
    }
    await sparse(join(here, 'sparse'))
    await writeFile(join(here, 'one'), 'x')
    await link(join(here, 'one'), join(here, 'two'))
    spawnSync('touch', ['-d', '@1700000000.123456789', join(here, 'one')])
    const look = async (directory: string, name: string) => await stat(join(directory, name), { bigint: true })
    await run(async () => {
      expect((await look(step, 'one')).mtimeNs).toBe(1_700_000_000_123_456_789n)
      expect((await look(step, 'two')).ino).toBe((await look(step, 'one')).ino)
      expect((await look(step, 'sparse')).blocks).toBeLessThan(1_000n)
      await sparse(join(step, 'sparse-too'))
      await writeFile(join(step, 'three'), 'y')
      await link(join(step, 'three'), join(step, 'four'))
    })
    expect((await look(here, 'sparse-too')).blocks).toBeLessThan(1_000n)
    expect((await look(here, 'sparse-too')).size).toBe(30n * 1024n * 1024n + 3n)
    expect((await look(here, 'three')).ino).toBe((await look(here, 'four')).ino)
    expect((await look(here, 'one')).ino).toBe((await look(here, 'two')).ino)
  })
})

const escaped = (name: string) => [...bytes(name)].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('')
