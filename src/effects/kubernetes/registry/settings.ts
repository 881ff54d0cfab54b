/** The registry and the Secrets that open it, as the hook is told them, and what a refusal says about them. */
import { StepError } from '../../../errors.ts'
import type { RegistryTarget } from '../../registry/reference.ts'

/** A registry with the names of Secrets in the runner's namespace, all but `caSecret` of type kubernetes.io/dockerconfigjson. */
export interface RegistrySettings extends RegistryTarget {
  /** For the hook itself and the container that pushes. */
  readonly pushSecret?: string | undefined
  /** For the kubelet, when it pulls what was built. */
  readonly pullSecret?: string | undefined
  /** For the container that builds, and so for the Dockerfile as well. */
  readonly baseImageSecret?: string | undefined
  /** Its key `ca.crt` holds certificates, PEM, that the registry's own is signed with. */
  readonly caSecret?: string | undefined
  /** Images stay, in one repository for all jobs, and the same content is built once. Undefined: they go with their job. */
  readonly isKept?: boolean | undefined
}

export type SecretSetting = 'pushSecret' | 'pullSecret' | 'baseImageSecret' | 'caSecret'
export type SecretNames = Pick<RegistrySettings, SecretSetting>

const PREFIX = 'ACTIONS_RUNNER_CONTAINER_HOOKS'

/** Where such Secrets have what they hold. */
export const DOCKER_CONFIG_KEY = '.dockerconfigjson'
export const CA_KEY = 'ca.crt'

/** The variables that name the Secrets. */
export const SECRET_VARIABLES: Readonly<Record<SecretSetting, string>> = {
  pushSecret: `${PREFIX}_REGISTRY_PUSH_SECRET`,
  pullSecret: `${PREFIX}_REGISTRY_PULL_SECRET`,
  baseImageSecret: `${PREFIX}_BASE_IMAGE_SECRET`,
  caSecret: `${PREFIX}_REGISTRY_CA_SECRET`
}

/** Whose credentials a refusal is about. */
const REFUSED: Readonly<Record<string, SecretSetting>> = {
  'push-denied': 'pushSecret',
  'base-image-denied': 'baseImageSecret',
  'image-denied': 'pullSecret'
}

/** A refusal of one of our own images, or in a build, with the Secret to correct or the variable to set; anything else as it is. */
export function namingSecret(error: StepError, secrets: SecretNames | undefined): StepError {
  const setting = REFUSED[error.code]
  if (setting === undefined) return error
  const name = secrets?.[setting]
  const hint =
    name === undefined
      ? `set ${SECRET_VARIABLES[setting]} to a Secret with credentials`
      : `the credentials were those of Secret ${name}`
  return new StepError(error.code, `${error.message}; ${hint}`, { detail: error.detail, cause: error })
}
