/** Puts the build context of a case onto this computer's disk. */
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import type { FileSpec, Files, ParityCase } from '../case.ts'

/** Addresses of the base images, and of the registry that has them, by their names in Dockerfiles. */
export type BaseImages = Readonly<Record<'busybox' | 'debian' | 'registry', string>>

export async function writeContext(directory: string, { dockerfile, context }: ParityCase, bases: BaseImages) {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'Dockerfile'), named(dockerfile, bases))
  await writeFiles(directory, context ?? {})
}

const named = (dockerfile: string, bases: BaseImages): string =>
  Object.entries(bases).reduce((text, [name, address]) => text.replaceAll(`%${name}%`, address), dockerfile)

const specOf = (given: string | FileSpec): FileSpec => (typeof given === 'string' ? { text: given } : given)

async function writeFiles(directory: string, files: Files): Promise<void> {
  for (const [path, given] of Object.entries(files)) {
    const at = join(directory, path)
    const spec = specOf(given)
    await mkdir(dirname(at), { recursive: true })
    if (spec.link !== undefined) await symlink(spec.link, at)
    else if (spec.hardLink !== undefined) await link(join(directory, spec.hardLink), at)
    else {
      if (spec.directory) await mkdir(at, { recursive: true })
      else await writeFile(at, await bytesOf(spec))
      // Whatever mask this process has.
      await chmod(at, spec.mode ?? usualMode(spec))
    }
  }
}

const usualMode = ({ directory }: FileSpec) => (directory ? 0o755 : 0o644)

async function bytesOf({ text, base64, tar, gzip }: FileSpec): Promise<Uint8Array> {
  const bytes = tar === undefined ? Buffer.from(base64 ?? text ?? '', base64 ? 'base64' : 'utf8') : await archive(tar)
  return gzip ? gzipSync(bytes) : bytes
}

async function archive(files: Files): Promise<Uint8Array> {
  const tar = pack()
  for (const [name, given] of Object.entries(files)) {
    const spec = specOf(given)
    const [uid, gid] = spec.owner ?? [0, 0]
    const header = { name, uid, gid, mode: spec.mode ?? usualMode(spec), mtime: new Date(0) }
    if (spec.link !== undefined) tar.entry({ ...header, type: 'symlink', linkname: spec.link })
    else if (spec.hardLink !== undefined) tar.entry({ ...header, type: 'link', linkname: spec.hardLink })
    else if (spec.directory) tar.entry({ ...header, type: 'directory' })
    else tar.entry(header, Buffer.from(await bytesOf(spec)))
  }
  tar.finalize()
  return await buffer(tar)
}
