/** Where the runner keeps what below its work directory (`_work`), as paths relative to it: for all that reads or moves it. */

export const TEMP = '_temp'
/** `GITHUB_OUTPUT` and the like: written by the runner right before a step and read right after it, always on its own disk. */
export const FILE_COMMANDS = `${TEMP}/_runner_file_commands`
export const HOME = `${TEMP}/_github_home`
/** The event that started the workflow. */
export const WORKFLOW = `${TEMP}/_github_workflow`
/** What the runner keeps for itself. */
export const HOOK_RESPONSES = `${TEMP}/_runner_hook_responses`
/** The runner writes and reads plain files in these by their paths, and would follow a link that a step has left. */
export const PLAIN_FILES = [FILE_COMMANDS, WORKFLOW, HOOK_RESPONSES] as const
/** Directories that the runner counts on. */
export const STAY_DIRECTORIES = [TEMP, HOME, ...PLAIN_FILES] as const
export const ACTIONS = '_actions'
export const TOOLS = '_tool'
