/** The processes of a pod as its node sees them: the nodes of the suite's own cluster are this machine. */
import { readdir, readFile } from 'node:fs/promises'

export interface NodeProcess {
  readonly name: string
  /** Real, effective, saved and of the file system, on the node. */
  readonly uids: readonly number[]
  /** Which user of the node is root in its user namespace. */
  readonly rootIs: number
}

/** Of the kernel's files about a process; undefined when it has ended meanwhile. */
const about = (pid: string, file: string): Promise<string | undefined> =>
  readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined)

/** Every process in the cgroups of a pod, the one that holds its namespaces included. */
export async function processesOf(podUid: string): Promise<NodeProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid): Promise<NodeProcess[]> => {
      const groups = await about(pid, 'cgroup')
      // The systemd driver writes dashes as underscores.
      if (!groups?.includes(podUid) && !groups?.includes(podUid.replaceAll('-', '_'))) return []
      const [status, map] = await Promise.all([about(pid, 'status'), about(pid, 'uid_map')])
      if (status === undefined || map === undefined) return []
      const [, name = ''] = /^Name:\t(.*)$/m.exec(status) ?? []
      const [, uids = ''] = /^Uid:\t(.*)$/m.exec(status) ?? []
      const [, outside] = map.trim().split(/\s+/)
      return [{ name, uids: uids.split('\t').map(Number), rootIs: Number(outside) }]
    })
  )
  return found.flat()
}
