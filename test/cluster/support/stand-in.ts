/** A pod that stands in for a name server and a registry, where an attack leads to, and tells what it was sent. */
import { readFile } from 'node:fs/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { IMAGES } from './images.ts'
import { apply, get, kubectl } from './kubectl.ts'
import { GIVEN_LABEL } from './leftovers.ts'
import { NODE } from './runner-pod.ts'

const NAME = 'stand-in'

/** One request that it was sent. */
export interface Sent {
  readonly method: string
  readonly url: string
  readonly authorization?: string
  readonly bytes: number
  /** Whether what was looked for is in the body. */
  readonly hasNeedle: boolean
}

export interface StandIn {
  /** Of the pod: names are asked there, and all of them lead there. */
  readonly address: string
  sent(): Promise<readonly Sent[]>
}

/** `port`: where the registry is; `needle`: what is looked for in the bodies of requests. It goes with its namespace. */
export async function createStandIn(namespace: string, port: number, needle: string): Promise<StandIn> {
  const program = await readFile(new URL('./stand-in.cjs', import.meta.url), 'utf8')
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, namespace, labels: { [GIVEN_LABEL]: '' } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: NAME,
          image: IMAGES.runner,
          imagePullPolicy: 'IfNotPresent',
          command: [NODE, '-e', program, '--', String(port)],
          env: [
            { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'NEEDLE', value: needle }
          ],
          // Name servers are asked at port 53.
          securityContext: { runAsUser: 0 },
          readinessProbe: { tcpSocket: { port }, periodSeconds: 1 }
        }
      ]
    }
  })
  await kubectl(['wait', '-n', namespace, `pod/${NAME}`, '--for=condition=Ready', '--timeout=120s'])
  const [pod] = await get<V1Pod>(['pod', NAME, '-n', namespace])
  return {
    address: pod?.status?.podIP ?? '',
    async sent() {
      const { stdout } = await kubectl(['logs', '-n', namespace, NAME])
      return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Sent]))
    }
  }
}
