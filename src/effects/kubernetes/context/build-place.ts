/** Where Dockerfiles are built by the settings alone, for whoever resolves a step and for doctor. */
import { type ChosenBuilder, chooseBuilders } from '../../builders/choose.ts'
import type { KubernetesOptions } from './options.ts'

/** `nowhere`: a Dockerfile ends with `not-configured`. */
export type BuildPlace = 'registry' | 'in-place' | 'nowhere'

export const canBuildInPlace = ({ inPlaceImage }: ChosenBuilder): boolean => inPlaceImage !== undefined

/** Without a registry there is nowhere else to build, and some builders only build with one. */
export function buildPlaceOf(options: KubernetesOptions): BuildPlace {
  const { buildMode = 'auto', registry } = options
  if (buildMode === 'in-place') return 'in-place'
  if (registry !== undefined) return 'registry'
  return buildMode === 'auto' && chooseBuilders(options).some(canBuildInPlace) ? 'in-place' : 'nowhere'
}
