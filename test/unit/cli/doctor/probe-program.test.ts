/** Goal: the program of the probe action is a real one, and its exit code says whether its file was written. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ARCHITECTURES, type Architecture, PROBE_TEXT, probeProgram } from '../../../../src/cli/doctor/probe-program.ts'
import { removeDirectory } from '../../../support/removed.ts'

const directory = mkdtempSync(join(tmpdir(), 'slipway-probe-'))
afterAll(() => removeDirectory(directory))

const OURS: Partial<Record<string, Architecture>> = { x64: 'amd64', arm64: 'arm64' }
const ours = process.platform === 'linux' ? OURS[process.arch] : undefined

describe('the probe program', () => {
  test.each(ARCHITECTURES)('for %s is an ELF file whose one segment holds all of it', (architecture) => {
    const program = Buffer.from(probeProgram(architecture))
    expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
    expect(program.readUInt16LE(18)).toBe({ amd64: 62, arm64: 183 }[architecture])
    expect(Number(program.readBigUInt64LE(64 + 32))).toBe(program.length)
    expect(program.toString('latin1')).toContain(`/probe/answer\0${PROBE_TEXT}`)
  })

  // The whole of it, with a directory to write to, runs in the cluster suite.
  test.skipIf(ours === undefined)('says its line, and fails when its directory is not there', () => {
    const path = join(directory, 'program')
    writeFileSync(path, probeProgram(ours ?? 'amd64'), { mode: 0o755 })
    const { status, stdout } = spawnSync(path)
    expect(stdout.toString()).toBe(PROBE_TEXT)
    expect(status).not.toBe(0)
  })
})
