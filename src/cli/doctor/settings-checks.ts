/** Whether the runner calls this hook, and whether the hook can read its settings and the administrator's pod template: judged by the hook's own parsers. */
import { readFile } from 'node:fs/promises'
import { readTemplate } from '../../effects/kubernetes/template/read.ts'
import { readSettings } from '../../hooks/settings/config.ts'
import { type SettingName, SETTINGS as TABLE } from '../../hooks/settings/settings.ts'
import { type Check, type Finding, fail, pass, warn } from './check.ts'
import type { Facts } from './facts.ts'

const HOOK = 'Hook'
export const SETTINGS = 'Settings'
export const TEMPLATE = 'Pod template'

export function settingsChecks(facts: Facts): readonly Check[] {
  return [
    { name: HOOK, needs: [], run: () => checkHook(facts) },
    { name: SETTINGS, needs: [], run: async () => checkSettings(facts) },
    { name: TEMPLATE, needs: [SETTINGS], run: () => checkTemplate(facts) }
  ]
}

const HOOK_VARIABLE = 'ACTIONS_RUNNER_CONTAINER_HOOKS'
const ON_RUNNER = "in the env of the runner's container (ARC: template.spec.containers in the chart's values)"

/** The runner itself reads this variable. */
async function checkHook({ environment }: Facts): Promise<Finding> {
  const path = environment[HOOK_VARIABLE]
  const fix = `mount dist/index.js from the ConfigMap, or put it into the runner's image (docs/install.md), and set ${ON_RUNNER}:\n- name: ${HOOK_VARIABLE}\n  value: /home/runner/slipway/index.js`
  if (!path) return fail(`${HOOK_VARIABLE} is not set, so the runner calls no hook`, fix)
  try {
    const program = await readFile(path, 'utf8')
    if (/slipway/i.test(program)) return pass(`the runner calls ${path}`)
    return fail(`${HOOK_VARIABLE} is ${path}, which is another hook than Slipway`, fix)
  } catch (thrown) {
    return fail(`${HOOK_VARIABLE} is ${path}, which cannot be read (${(thrown as NodeJS.ErrnoException).code})`, fix)
  }
}

function checkSettings({ config, environment }: Facts): Finding {
  const wrong = wrongSettings(environment)
  if (wrong.length === 0) wrong.push(...messagesOf(config))
  if (wrong.length > 0) return fail(wrong.join('\n'), `change it ${ON_RUNNER}`)
  const known = new Set<string>(Object.values(TABLE).map(({ variable }) => variable))
  const given = Object.keys(environment).filter((name) => environment[name])
  const unknown = given.filter((name) => name.startsWith(`${HOOK_VARIABLE}_`) && !known.has(name))
  if (unknown.length === 0) return pass(`${given.filter((name) => known.has(name)).length} variables, all readable`)
  return warn(
    `Slipway has no setting ${unknown.join(', ')}`,
    `correct the name ${ON_RUNNER}; docs/configuration.md lists them all`
  )
}

/** One line for each setting that is missing or wrong by itself. */
const wrongSettings = (environment: Facts['environment']): string[] =>
  (Object.keys(TABLE) as SettingName[]).flatMap((name) => messagesOf(() => readSettings(environment, [name])))

function messagesOf(read: () => unknown): string[] {
  try {
    read()
    return []
  } catch (thrown) {
    return [(thrown as Error).message]
  }
}

async function checkTemplate({ config }: Facts): Promise<Finding> {
  const { templatePath } = config()
  if (templatePath === undefined) return pass('none is configured')
  try {
    await readTemplate(templatePath)
    return pass(`${templatePath} is readable and valid`)
  } catch (thrown) {
    return fail(
      (thrown as Error).message,
      `correct the file at ${templatePath} (usually a ConfigMap mounted into the runner pod), or unset ${TABLE.templatePath.variable}`
    )
  }
}
