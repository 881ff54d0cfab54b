/**
 * Whether the programs of the simulated containers wait, all of them, for something that only the simulator can give them (input, or
 * time): only then may the simulated clock go on. Linux says it: a program that has not run between two looks was asleep all along.
 */
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface Processes {
  /** Grows with everything that may make a program move, or shows that one did. */
  activity(): number
  /** Something was given to a program, or taken from one. */
  touch(): void
  /** A program that is on its way into a container, and is its outside until it ends. Returns what says that it is inside. */
  enter(child: ChildProcess): () => void
  /** A container, by the id of its first process. Returns how to forget it. */
  add(pid: number): () => void
  /** True when everything sleeps, and sleeps on until it is touched. */
  areStill(): boolean
}

const STATE = /^State:\s+(\w)/m
const SWITCHES = /ctxt_switches:\s+\d+/g

export function createProcesses(): Processes {
  const containers = new Set<number>()
  const outsides = new Set<ChildProcess>()
  let entering = 0
  let count = 0
  let stillAt: number | undefined
  const touch = () => {
    count += 1
  }
  /** What a process has run so far; undefined while it runs. */
  const look = (path: string, mayBeDead: boolean): string | undefined => {
    let status: string
    try {
      status = readFileSync(`${path}/status`, 'latin1')
    } catch {
      return undefined
    }
    const state = STATE.exec(status)?.[1]
    if (state !== 'S' && !(mayBeDead && state === 'Z')) return undefined
    return (status.match(SWITCHES) ?? []).join()
  }
  const sample = (): string | undefined => {
    const seen: string[] = []
    for (const { pid } of outsides) {
      const one = look(`/proc/${pid}`, false)
      if (one === undefined) return undefined
      seen.push(`${pid} ${one}`)
    }
    for (const first of containers) {
      const root = `/proc/${first}/root/proc`
      for (const name of listed(root)) {
        if (!/^\d+$/.test(name)) continue
        const one = look(`${root}/${name}`, true)
        if (one === undefined) return undefined
        seen.push(`${first}/${name} ${one}`)
      }
    }
    return seen.join('\n')
  }
  return {
    activity: () => count,
    touch,
    enter(child) {
      touch()
      outsides.add(child)
      entering += 1
      child.once('exit', () => {
        outsides.delete(child)
        touch()
      })
      child.once('close', touch)
      let isInside = false
      return () => {
        if (isInside) return
        isInside = true
        entering -= 1
        touch()
      }
    },
    add(pid) {
      containers.add(pid)
      touch()
      return () => {
        containers.delete(pid)
        touch()
      }
    },
    areStill() {
      if (entering > 0) return false
      if (stillAt === count) return true
      const before = sample()
      if (before === undefined || sample() !== before) return false
      stillAt = count
      return true
    }
  }
}

/** Empty for a container that has just ended. */
function listed(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
