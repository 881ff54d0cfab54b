/** Where the runner keeps what below its work directory (`_work`), as paths relative to it: for all that reads or moves it. */

export const TEMP = '_temp'
/** `GITHUB_OUTPUT` and the like: written by the runner right before a step and read right after it, always on its own disk. */
export const FILE_COMMANDS = `${TEMP}/_runner_file_commands`
export const HOME = `${TEMP}/_github_home`
/** The event that started the workflow. */
export const WORKFLOW = `${TEMP}/_github_workflow`
/** What the runner keeps for itself. */
export const HOOK_RESPONSES = `${TEMP}/_runner_hook_responses`
export const ACTIONS = '_actions'
export const TOOLS = '_tool'
