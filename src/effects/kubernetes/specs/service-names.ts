/**
 * Names of the services' containers. The hook is not told what the workflow calls a service, so they come from the images
 * (hook-protocol section 5), made valid and unique; templates address them, and the job finds the services under them.
 */
import { StepError } from '../../../errors.ts'

const LABEL_LENGTH_MAX = 63
/** Leaves room for a number behind it. */
const BASE_LENGTH_MAX = LABEL_LENGTH_MAX - 4
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/** Whether a text can be a name on the pod's network. */
export const isHostName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((part) => part.length <= LABEL_LENGTH_MAX && LABEL.test(part))

/** `redis` for `registry:5000/team/redis:7@sha256:...`. Throws `invalid-input` for a reference without a name. */
export function nameOfImage(image: string): string {
  const withoutDigest = image.split('@')[0] ?? ''
  const last = withoutDigest.split('/').at(-1)?.split(':')[0] ?? ''
  const name = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, BASE_LENGTH_MAX)
    .replace(/^-+|-+$/g, '')
  if (name === '')
    throw new StepError('invalid-input', `'${image}' is not the name of an image; correct it in the workflow`)
  return name
}

/** One name for each image, in order: `-0`, `-1`... where images repeat, or where a name is taken by one of our containers. */
export function serviceNames(images: readonly string[], reserved: readonly string[]): string[] {
  const bases = images.map(nameOfImage)
  const counts = new Map<string, number>()
  for (const base of bases) counts.set(base, (counts.get(base) ?? 0) + 1)
  const isShared = (base: string) => reserved.includes(base) || (counts.get(base) ?? 0) > 1
  // Decided first: a name that is only used once never has to give way to a numbered one.
  const taken = new Set([...reserved, ...bases.filter((base) => !isShared(base))])
  const numbers = new Map<string, number>()
  return bases.map((base) => {
    if (!isShared(base)) return base
    let number = numbers.get(base) ?? 0
    while (taken.has(`${base}-${number}`)) number += 1
    numbers.set(base, number + 1)
    taken.add(`${base}-${number}`)
    return `${base}-${number}`
  })
}
