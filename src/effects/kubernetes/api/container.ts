/** A container of a pod, for everything that runs a command in it or reads its log. */
import type { ApiAccess } from './request.ts'

export interface ContainerAddress {
  readonly access: ApiAccess
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

export const containerIn = (
  { access, namespace }: Pick<ContainerAddress, 'access' | 'namespace'>,
  pod: string,
  container: string
): ContainerAddress => ({ access, namespace, pod, container })
