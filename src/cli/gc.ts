/** `slipway gc`: removes what hooks that crashed left in the cluster and in the registry. */
import { ERROR_CODES } from '../errors.ts'
import { readConnection } from '../hooks/settings/config.ts'
import { UsageError } from './command.ts'
import { declare } from './command-line.ts'
import { collectGarbage, type Item, type Report } from './gc-collection.ts'
import { writeJson, writeLine } from './screen.ts'

const HOUR_MS = 3_600_000
const PROBLEMS_EXIT_CODE = 1

function hoursOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text) * HOUR_MS
  throw new UsageError(`gc: --image-age is a whole number of hours, and not '${text}'`)
}

function summaryOf({ items, problems }: Report, isDry: boolean): string {
  const count = (fate: Item['fate']) => items.filter((item) => item.fate === fate).length
  const done = isDry ? `${count('would be removed')} would be removed` : `${count('removed')} removed`
  return `${done}, ${count('kept')} kept, ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`
}

export const gc = declare(
  {
    name: 'gc',
    summary: 'remove what hooks that crashed left behind',
    about: `Removes pods and Secrets of Slipway whose runner pod is gone, and images of Slipway in the registry that belong to no runner
pod in the namespaces looked at and are older than a day. Kubernetes and ARC do the first by themselves as long as owners and
labels are as the hook made them; nobody else does the second. All else is left alone, and doing it again does no harm.

Takes kubeconfig, namespace and registry from the variables that the hook reads, and needs the verbs of the runner's Role. The
registry frees its disk by a garbage collection of its own.`,
    options: {
      namespace: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: 'where runner pods are: all namespaces that share the registry; without it the one of the kubeconfig or the service account'
      },
      'image-age': {
        type: 'string',
        value: 'HOURS',
        default: '24',
        help: 'younger images stay, whoever they belong to'
      },
      'dry-run': { type: 'boolean', help: 'only say what would be removed' },
      json: { type: 'boolean', help: 'one JSON document: items with their fate, problems, notes' }
    },
    examples: [
      ['slipway gc --namespace arc-runners --dry-run'],
      ['slipway gc --namespace team-a --namespace team-b --image-age 72'],
      ["slipway gc --json | jq -r '.items[] | [.fate, .kind, .name] | @tsv'"]
    ],
    exitCodes: [
      [0, 'nothing is left that should not be; with --dry-run: shown'],
      [1, 'something could not be looked at or removed, or a setting is wrong; the rest was done'],
      [2, 'the command line is wrong'],
      [130, 'cancelled; what was removed by then is gone']
    ]
  },
  async ({ values }, deps) => {
    const connection = readConnection(deps.environment)
    const { json, 'dry-run': isDry } = values
    const chosen = values.namespace.length > 0 ? values.namespace : [connection.namespace]
    const imageAgeMs = hoursOf(values['image-age'])
    const stopping = new AbortController()
    const stopListening = deps.onCancel(() => stopping.abort())
    try {
      const collection = { connection, namespaces: [...new Set(chosen)], imageAgeMs, isDry }
      const report = await collectGarbage(
        collection,
        (text) => (json ? undefined : writeLine(deps.write, { text })),
        stopping.signal
      )
      if (json) writeJson(deps.write, report)
      else writeLine(deps.write, { text: summaryOf(report, isDry) })
      return report.problems.length > 0 ? PROBLEMS_EXIT_CODE : 0
    } catch (thrown) {
      if (stopping.signal.aborted) return ERROR_CODES.cancelled.exitCode
      throw thrown
    } finally {
      stopListening()
    }
  }
)
