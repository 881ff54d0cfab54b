/** What the variables of the builder mean together, for config.ts: which builders may build, and what each of them needs. */
import { BUILDERS } from '../../effects/builders/catalog.ts'
import { AUTO } from '../../effects/builders/choose.ts'
import type { BuilderDefinition, BuilderNeed } from '../../effects/builders/definition.ts'
import type { KubernetesOptions } from '../../effects/kubernetes/context/options.ts'
import { StepError } from '../../errors.ts'
import { SETTINGS, type SettingName, type SettingValue } from './settings.ts'

type BuilderSetting =
  | 'mirrors'
  | 'buildMode'
  | 'buildAhead'
  | 'inPlaceImage'
  | 'inPlaceInit'
  | 'builder'
  | 'builderImage'
  | 'pusherImage'
  | 'buildUserNamespace'
  | 'buildkitHost'
  | 'buildkitTlsSecret'
  | 'seccompProfile'

/** Each as its own parser gives it. */
type BuilderValues = { readonly [Name in BuilderSetting]: SettingValue<Name> }

type BuilderOptions = Pick<
  KubernetesOptions,
  | 'buildMode'
  | 'buildAhead'
  | 'inPlaceImage'
  | 'inPlaceInit'
  | 'builder'
  | 'builderImage'
  | 'pusherImage'
  | 'buildUserNamespace'
  | 'builderDaemon'
  | 'seccompProfile'
  | 'mirrors'
>

/** The setting that gives a builder what it needs. */
const GIVEN_BY = { daemon: 'buildkitHost', 'seccomp-profile': 'seccompProfile' } as const satisfies Readonly<
  Record<BuilderNeed, BuilderSetting>
>
const NEEDS = Object.keys(GIVEN_BY) as BuilderNeed[]

const variable = (name: SettingName): string => SETTINGS[name].variable

/** Throws `not-configured` for settings that do not go together. */
export function builderOf(values: BuilderValues): BuilderOptions {
  const { buildMode, buildAhead, inPlaceImage, builder, builderImage, pusherImage, mirrors } = values
  const { inPlaceInit, buildUserNamespace, seccompProfile } = values
  const { buildkitHost: address, buildkitTlsSecret: tlsSecret } = values
  const chosen: BuilderDefinition | undefined =
    builder === undefined || builder === AUTO ? undefined : BUILDERS[builder]
  const need = chosen?.needs
  if (chosen && need && values[GIVEN_BY[need]] === undefined) {
    throw wrong(`${variable('builder')} is ${chosen.name}: set ${variable(GIVEN_BY[need])} too`)
  }
  if (chosen !== undefined && chosen.inPlace === undefined && buildMode === 'in-place') {
    throw wrong(
      `${variable('buildMode')} is in-place, but ${chosen.name} does not build in place: unset one of ${variable('buildMode')} and ${variable('builder')}`
    )
  }
  if (need === 'daemon' && mirrors !== undefined) {
    throw wrong(
      `${variable('mirrors')} is set, but with ${chosen?.name} the daemon pulls: write mirrors into its buildkitd.toml, and unset the variable`
    )
  }
  refuseUnused(values, chosen)
  if (seccompProfile !== undefined && buildUserNamespace === 'off') {
    throw wrong(
      `${variable('seccompProfile')} is set, but ${variable('buildUserNamespace')} is off: BuildKit in the build pod needs a user namespace; unset one of them`
    )
  }
  const builderDaemon = address === undefined ? undefined : { address, tlsSecret }
  return {
    buildMode,
    buildAhead,
    inPlaceImage,
    inPlaceInit,
    builder,
    builderImage,
    pusherImage,
    mirrors,
    buildUserNamespace,
    builderDaemon,
    seccompProfile
  }
}

function refuseUnused(values: BuilderValues, chosen: BuilderDefinition | undefined): void {
  const { buildkitHost, buildkitTlsSecret, seccompProfile } = values
  for (const need of NEEDS) {
    const name = GIVEN_BY[need]
    if (chosen === undefined || chosen.needs === need || values[name] === undefined) continue
    const builder = Object.values<BuilderDefinition>(BUILDERS).find(({ needs }) => needs === need)
    throw unused(name, `${chosen.name} builds`, `set ${variable('builder')} to ${builder?.name}`)
  }
  if (buildkitTlsSecret !== undefined && buildkitHost === undefined) {
    const missing = variable('buildkitHost')
    throw unused('buildkitTlsSecret', `${missing} is not`, `set ${variable('builder')} to buildkit and ${missing}`)
  }
  if (buildkitHost !== undefined && seccompProfile !== undefined) {
    throw wrong(
      `${variable('buildkitHost')} and ${variable('seccompProfile')} both say where BuildKit is; unset one of them`
    )
  }
}

const unused = (name: BuilderSetting, why: string, wayOut: string) =>
  wrong(`${variable(name)} is set, but ${why}: ${wayOut}, or unset the other`)

const wrong = (message: string) => new StepError('not-configured', message)
