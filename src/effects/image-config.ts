/** Which process an image and a request give together, as docker decides it, for engines that do not decide it themselves. */

/** The part of an OCI image configuration that says what to run. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[] | null | undefined
  readonly Cmd?: readonly string[] | null | undefined
}

interface CommandRequest {
  readonly entryPoint?: string | undefined
  readonly args: readonly string[]
}

/** The argument vector: an entry point replaces ENTRYPOINT and drops CMD, arguments replace CMD. Empty: nothing to run. */
export function commandOf(config: ImageConfig, request: CommandRequest): readonly string[] {
  const { entryPoint, args } = request
  if (entryPoint !== undefined) return [entryPoint, ...args]
  return [...(config.Entrypoint ?? []), ...(args.length > 0 ? args : (config.Cmd ?? []))]
}
