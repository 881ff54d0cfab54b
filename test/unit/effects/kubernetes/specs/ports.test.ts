/** Ports as the runner writes them (the shipped hook's own table), and what the workflow reads of them. */
import { expect, it } from 'vitest'
import { contextPorts, toContainerPort } from '../../../../../src/effects/kubernetes/specs/ports.ts'

it.each([
  ['80', { containerPort: 80, protocol: 'TCP' }],
  ['80/udp', { containerPort: 80, protocol: 'UDP' }],
  ['8080:80', { containerPort: 80, hostPort: 8080, protocol: 'TCP' }],
  ['8080:80/UDP', { containerPort: 80, hostPort: 8080, protocol: 'UDP' }],
  ['65535:1/tcp', { containerPort: 1, hostPort: 65535, protocol: 'TCP' }]
])('%s is %j', (mapping, port) => expect(toContainerPort(mapping)).toEqual(port))

it.each([
  ...['', '0', '65536', '0/udp', '65536/udp', '1:65536', '65536:1', '1:65536/tcp', '1:', ':1', '1:/tcp', ':1/tcp'],
  ...['1:1:1', '1:1/tcp/udp', '1/tcp/udp', '1/icmp', '80-90', 'http', '-1']
])('%j is refused in one line that names it', (mapping) => {
  expect(() => toContainerPort(mapping)).toThrow(expect.objectContaining({ code: 'invalid-input' }))
  expect(() => toContainerPort(mapping)).toThrow(`'${mapping}'`)
})

it('shows every container port, those without a port of the node under themselves', () => {
  expect(contextPorts(['8080:80', '6379', '9090:53/udp'])).toEqual({ '80': '8080', '6379': '6379', '53': '9090' })
})
