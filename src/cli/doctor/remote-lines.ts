/** What doctor in the runner pod writes for the doctor that started it there: one JSON object a line. */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import * as z from 'zod'
import { every } from '../../effects/system.ts'
import { type Listener, STATUSES } from './check.ts'

/** Says often enough that the connection is alive, while a node pulls for minutes. */
const ALIVE_MS = 10_000
/** A result with the end of a builder's log. */
const LINE_LENGTH_MAX = 1024 * 1024
/** What is being looked at, in a few words. */
const TITLE_LENGTH_MAX = 60
const OTHER_LENGTH_MAX = 1_000

const line = z.union([
  z.object({ begins: z.string() }),
  z.object({
    ends: z.object({
      name: z.string(),
      status: z.enum(STATUSES),
      why: z.string(),
      fix: z.string().optional()
    })
  }),
  z.object({ alive: z.literal(true) })
])

/** `stop` ends the lines that say nothing but that somebody is there. */
export function createLineWriter(write: (text: string) => void): Listener & { readonly stop: () => void } {
  const send = (object: z.infer<typeof line>) => write(`${JSON.stringify(object)}\n`)
  return {
    begins: (name) => send({ begins: name }),
    ends: ({ name, status, why, fix }) => send({ ends: { name, status, why, fix } }),
    stop: every(ALIVE_MS, () => send({ alive: true }))
  }
}

/**
 * Tells what the lines of a stream say. The pod is somebody else's: it can end each check of `names` once, and no other; lines
 * that do something else are told to `others`.
 */
export async function readLines(
  stream: Readable,
  names: readonly string[],
  listener: Listener,
  others: (text: string) => void
): Promise<void> {
  const expected = new Set(names)
  for await (const text of linesOf(stream)) {
    const { data } = line.safeParse(toJson(text))
    if (data !== undefined && 'begins' in data) listener.begins(data.begins.slice(0, TITLE_LENGTH_MAX))
    else if (data !== undefined && 'ends' in data && expected.delete(data.ends.name)) listener.ends(data.ends)
    else if (data === undefined || !('alive' in data)) others(text.slice(0, OTHER_LENGTH_MAX))
  }
}

/** Lines; of those beyond their bound not much more than that. Ends of lines are newlines: in JSON no other one can be part of a text. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let begun = ''
  for await (const chunk of stream) {
    const [first = '', ...more] = (typeof chunk === 'string' ? chunk : decoder.write(chunk)).split('\n')
    if (begun.length < LINE_LENGTH_MAX) begun += first
    for (const next of more) {
      yield begun
      begun = next
    }
  }
  if (begun !== '') yield begun
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
