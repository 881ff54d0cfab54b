/** Goal: ports mean what `docker run --publish` makes of them, nothing of the node is taken unasked, and what docker refuses is refused. */
import { describe, expect, test } from 'vitest'
import { containerPorts, contextPorts } from '../../../../../src/effects/kubernetes/specs/ports.ts'

const short = (mappings: readonly string[], ofNode?: boolean) =>
  containerPorts(mappings, ofNode).map(({ containerPort, protocol, hostPort, hostIP }) =>
    [hostIP, hostPort, containerPort, protocol].filter((part) => part !== undefined).join(' ')
  )

// What docker 28 says of the same: its host port where one is named, its own choice where not.
test.each<[mapping: string, inPod: string[], onNode: string[], shown: Record<string, string>]>([
  ['80', ['80 TCP'], ['80 TCP'], { '80': '80' }],
  [' 80/udp ', ['80 UDP'], ['80 UDP'], { '80': '80' }],
  ['8080:80', ['80 TCP'], ['8080 80 TCP'], { '80': '8080' }],
  ['8080:80/UDP', ['80 UDP'], ['8080 80 UDP'], { '80': '8080' }],
  ['65535:1/sctp', ['1 SCTP'], ['65535 1 SCTP'], { '1': '65535' }],
  ['80/', ['80 TCP'], ['80 TCP'], { '80': '80' }],
  ['0:80', ['80 TCP'], ['80 TCP'], { '80': '80' }],
  [':80', ['80 TCP'], ['80 TCP'], { '80': '80' }],
  ['127.0.0.1:5432:5432', ['5432 TCP'], ['127.0.0.1 5432 5432 TCP'], { '5432': '5432' }],
  ['127.0.0.1::5432', ['5432 TCP'], ['5432 TCP'], { '5432': '5432' }],
  ['127.0.0.1:0:5432', ['5432 TCP'], ['5432 TCP'], { '5432': '5432' }],
  ['0.0.0.0:8080:80', ['80 TCP'], ['0.0.0.0 8080 80 TCP'], { '80': '8080' }],
  ['[::1]:80:80', ['80 TCP'], ['::1 80 80 TCP'], { '80': '80' }],
  ['::1:81:80', ['80 TCP'], ['::1 81 80 TCP'], { '80': '81' }],
  ['[::]:81:80', ['80 TCP'], [':: 81 80 TCP'], { '80': '81' }],
  ['80-81', ['80 TCP', '81 TCP'], ['80 TCP', '81 TCP'], { '80': '80', '81': '81' }],
  ['8000-8001:80-81/udp', ['80 UDP', '81 UDP'], ['8000 80 UDP', '8001 81 UDP'], { '80': '8000', '81': '8001' }],
  [
    '[::1]:8000-8001:80-81',
    ['80 TCP', '81 TCP'],
    ['::1 8000 80 TCP', '::1 8001 81 TCP'],
    { '80': '8000', '81': '8001' }
  ],
  // Docker takes the first of them that is free.
  ['8000-8010:80', ['80 TCP'], ['8000 80 TCP'], { '80': '8000' }],
  ['published=8080,target=80', ['80 TCP'], ['8080 80 TCP'], { '80': '8080' }],
  ['target=53,protocol=udp', ['53 UDP'], ['53 UDP'], { '53': '53' }]
])('%s is %j in a pod, and as docker says on a node and to the runner', (mapping, inPod, onNode, shown) => {
  expect(short([mapping])).toEqual(inPod)
  expect(short([mapping], true)).toEqual(onNode)
  expect(contextPorts([mapping])).toEqual(shown)
})

test.each([
  ...[
    '',
    ' ',
    'http',
    '80/icmp',
    '80/udp/tcp',
    '0',
    '0-2',
    '65536',
    '99999:80',
    '80:',
    '127.0.0.1:80:',
    '-80',
    '80-',
    '81-80'
  ],
  ...[
    '8000-8001:80-82',
    '8000:80-81',
    '256.0.0.1:80:80',
    'localhost:80:80',
    '[::1:80:80',
    'a:b:c:d',
    '80:80:80',
    '1e3'
  ],
  ...['published=80', 'target=', 'target=80,protocol=icmp']
])('%j is refused in one line that names it, as docker refuses it', (mapping) => {
  for (const read of [containerPorts, contextPorts]) {
    expect(() => read([mapping])).toThrow(expect.objectContaining({ code: 'invalid-input' }))
    expect(() => read([mapping])).toThrow(`'${mapping}'`)
  }
})

describe('several mappings of one container', () => {
  test('are listed once where only their host port differs, and each where it counts', () => {
    expect(short(['8080:80', '8081:80', '80/udp'])).toEqual(['80 TCP', '80 UDP'])
    expect(short(['8080:80', '8081:80', '80/udp'], true)).toEqual(['8080 80 TCP', '8081 80 TCP', '80 UDP'])
  })

  test('show the runner one port each, the last one of two for the same', () => {
    expect(contextPorts(['8080:80', '6379', '9090:53/udp'])).toEqual({ '80': '8080', '6379': '6379', '53': '9090' })
    expect(contextPorts(['8080:80', '8081:80'])).toEqual({ '80': '8081' })
  })

  test('may be more than a pod lists, unless each takes something of the node', () => {
    expect(containerPorts(['1-65535'])).toHaveLength(1_000)
    expect(Object.keys(contextPorts(['1-65535']))).toHaveLength(65_535)
    expect(() => containerPorts(['1-65535:1-65535'], true)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
  })
})
