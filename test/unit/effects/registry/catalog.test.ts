/** Goal: gc sees every repository and how old an image is, and never takes silence for an answer. Method: answers by path. */
import { describe, expect, it } from 'vitest'
import { createdAt, type Get, listRepositories } from '../../../../src/effects/registry/catalog.ts'

const never = new AbortController().signal
const json = (body: unknown) => ({ status: 200, body: JSON.stringify(body) })
/** A registry of these answers; everything else is not there. */
const answering =
  (answers: Readonly<Record<string, unknown>>): Get =>
  async (path) =>
    path in answers ? json(answers[path]) : { status: 404, body: '{}' }

describe('the list of repositories', () => {
  it('is read page by page, to the end', async () => {
    const get = answering({
      '_catalog?n=500': { repositories: ['a', 'b/c'] },
      '_catalog?n=500&last=b%2Fc': { repositories: ['d'] },
      '_catalog?n=500&last=d': { repositories: null }
    })
    expect(await listRepositories(get, never)).toEqual(['a', 'b/c', 'd'])
  })

  it('ends when a registry gives the same page for ever', async () => {
    expect(await listRepositories(async () => json({ repositories: ['a'] }), never)).toEqual(['a'])
  })

  it.each([
    ['there is no such call', 404, '{}'],
    ['it is switched off', 405, ''],
    ['the answer is no list', 200, '<html>']
  ])('is unknown when %s', async (_title, status, body) => {
    expect(await listRepositories(async () => ({ status, body }), never)).toBeUndefined()
  })

  it('is refused when there is no end of it', async () => {
    let count = 0
    const endless = async () => json({ repositories: [`r${count++}`] })
    await expect(listRepositories(endless, never)).rejects.toMatchObject({ code: 'not-supported' })
  })
})

describe('when an image was made', () => {
  const image = { repository: 'a', version: '1' }
  const created = '2026-11-24T13:52:29.5Z'

  it('stands in its configuration', async () => {
    const get = answering({ 'a/manifests/1': { config: { digest: 'sha256:c' } }, 'a/blobs/sha256:c': { created } })
    expect(await createdAt(get, image, never)).toBe(created)
  })

  it('is that of the first image of an index', async () => {
    const get = answering({
      'a/manifests/1': { manifests: [{ digest: 'sha256:m' }, { digest: 'sha256:n' }] },
      'a/manifests/sha256:m': { config: { digest: 'sha256:c' } },
      'a/blobs/sha256:c': { created }
    })
    expect(await createdAt(get, image, never)).toBe(created)
  })

  it.each([
    ['the image is gone', {}],
    ['its configuration is elsewhere', { 'a/manifests/1': { config: { digest: 'sha256:c' } } }],
    ['nothing is said', { 'a/manifests/1': { config: { digest: 'sha256:c' } }, 'a/blobs/sha256:c': {} }]
  ])('is unknown when %s', async (_title, answers) => {
    expect(await createdAt(answering(answers), image, never)).toBeUndefined()
  })
})
