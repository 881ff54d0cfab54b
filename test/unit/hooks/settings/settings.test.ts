/** The table of settings as a whole: what people find on the page of settings, and what the hook reads. */
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../../src/hooks/settings/config.ts'
import { SETTING_GROUPS, SETTINGS } from '../../../../src/hooks/settings/settings.ts'
import type { Setting } from '../../../../src/hooks/settings/values.ts'

const all = Object.entries<Setting>(SETTINGS)

describe('every setting', () => {
  it.each(all)('%s says what holds without it and what it means', (_name, { variable, unset, meaning }) => {
    expect(variable).toMatch(/^[A-Z][A-Z_]+[A-Z]$/)
    expect(unset).toMatch(/\S/)
    expect(meaning).toMatch(/^\S.*\.$/s)
  })

  it('stands in one group, under a name of its own', () => {
    const grouped = Object.values(SETTING_GROUPS).flatMap((group) => Object.keys(group))
    expect(grouped.toSorted()).toEqual(all.map(([name]) => name).toSorted())
    expect(new Set(all.map(([, { variable }]) => variable)).size).toBe(all.length)
  })

  it('that is required says how it gets set when it is not', () => {
    const required = all.filter(([, setting]) => setting.required !== undefined)
    expect(required.map(([name]) => name)).toEqual(['runnerPod', 'runnerWorkspace', 'runnerTemp', 'githubWorkspace'])
    for (const [, { required: how = '', variable }] of required) {
      const given = Object.fromEntries(required.map(([, other]) => [other.variable, '/a']))
      given.ACTIONS_RUNNER_POD_NAME = 'a'
      expect(() => readConfig({ ...given, [variable]: undefined })).toThrow(`${variable} is not set; ${how}`)
      expect(how).toMatch(/^\S.*(runner pod|by the runner)/)
    }
  })
})
