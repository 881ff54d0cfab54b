/** What doctor in the runner pod writes for the doctor that started it there: one JSON object a line. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { every } from '../../effects/system.ts'
import { type Listener, STATUSES } from './check.ts'

/** Says often enough that the connection is alive, while a node pulls for minutes. */
const ALIVE_MS = 10_000

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

/** Tells what the lines of a stream say; lines that are none of ours are told to `others`. */
export async function readLines(stream: Readable, listener: Listener, others: (text: string) => void): Promise<void> {
  for await (const text of createInterface({ input: stream })) {
    const parsed = line.safeParse(toJson(text))
    if (!parsed.success) others(text)
    else if ('begins' in parsed.data) listener.begins(parsed.data.begins)
    else if ('ends' in parsed.data) listener.ends(parsed.data.ends)
  }
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
