/** Whether what a case says of its image holds in it: a case that shows nothing would always be the same. */
import { isDeepStrictEqual } from 'node:util'
import type { ParityCase } from '../case.ts'
import { hashOf } from '../image/layer.ts'
import { GONE } from '../image/outline.ts'
import type { Reference } from './outcome.ts'

/** What a case says and its reference does not show, a line each. */
export function brokenStatements(given: ParityCase, reference: Reference): readonly string[] {
  if (reference === 'refused') return given.refused ? [] : ['it is refused']
  if (given.refused) return ['it is built']
  const { files, config } = reference
  const shows = (path: string, held: string | RegExp) => {
    const line = files[path] ?? ''
    return typeof held === 'string' ? line.includes(` ${hashOf(held)}`) : held.test(line)
  }
  const wrongFiles = Object.entries(given.files ?? {}).filter(([path, held]) => !shows(path, held))
  const present = (given.absent ?? []).filter((path) => (files[path] ?? GONE) !== GONE)
  const wrongConfig = Object.entries(given.config ?? {}).filter(([key, held]) => !isDeepStrictEqual(config[key], held))
  return [
    ...wrongFiles.map(([path, held]) => `${path} is ${files[path]}, not ${held}`),
    ...present.map((path) => `${path} is there: ${files[path]}`),
    ...wrongConfig.map(([key, held]) => `${key} is ${JSON.stringify(config[key])}, not ${JSON.stringify(held)}`)
  ]
}
