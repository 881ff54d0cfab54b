/** The last thing of every command, however it ended: what the runner reads and writes next is what it takes it for. */
import { workDirectoryOf } from '../effects/work-tree/layout.ts'
import { putRight } from '../effects/work-tree/rights.ts'
import { diskRefusal } from '../effects/work-tree/tree.ts'
import { ERROR_CODES, toStepError } from '../errors.ts'
import { type CommandContext, showFailure } from './context.ts'

/** More of them would only hide the first ones. */
const WARNINGS_MAX = 10

/** Resolves with the exit code of the command, or with a failure's when it was 0 and something cannot be put right. */
export async function afterStep({ config, reporter }: CommandContext, exitCode: number): Promise<number> {
  let warnings = 0
  const warn = (message: string) => {
    warnings += 1
    if (warnings <= WARNINGS_MAX) reporter.warning(message)
  }
  try {
    await putRight(workDirectoryOf(config.paths), warn)
    return exitCode
  } catch (thrown) {
    const failure = toStepError(diskRefusal(thrown, 'put the file commands right on'))
    showFailure(reporter, failure)
    return exitCode || ERROR_CODES[failure.code].exitCode
  }
}
