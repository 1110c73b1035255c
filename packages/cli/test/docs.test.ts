import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals'
import { inProcess as comm } from './support/in-process.ts'

// Within the package, so that what the modules import is found.
const folder = mkdtempSync(join(import.meta.dirname, '.docs-'))
const outside = mkdtempSync(join(tmpdir(), 'comm-cli-docs-'))
afterAll(() => {
  for (const each of [folder, outside]) rmSync(each, { recursive: true, force: true })
})

let module = ''
let modules = 0
beforeEach(() => {
  module = join(folder, `contract-${++modules}.mjs`)
})

function writes(name: string, { topics = '[]', routes = '[]' }: { readonly topics?: string; readonly routes?: string }): string {
  return `
import { contract, route, noBody } from '@comm/contracts'
import { topic } from '@comm/messaging'
import { z } from 'zod'
export const ${name} = contract({ title: 'shop', version: '1', sends: ${topics}, routes: ${routes} })
`
}
const topics = "[topic('order.created', z.object({ id: z.string(), state: z.enum(['open', 'paid']) }))]"
const routes = "[route({ id: 'ping', method: 'GET', path: '/ping', answers: { 204: noBody } })]"

describe('comm docs', () => {
  it('writes the documents that the contract of a module has, and says when they are not those', async () => {
    writeFileSync(module, writes('shop', { topics, routes }))
    const out = join(outside, 'both')
    const missing = await comm(['docs', module, '--out', out, '--check'])
    expect([missing.code, missing.stdout.split('\n').length, existsSync(out)]).toEqual([1, 3, false])

    const { code, stdout } = await comm(['docs', module, '--out', out])
    expect(stdout).toBe(`wrote ${join(out, 'openapi.json')}\nwrote ${join(out, 'asyncapi.json')}\n`)
    expect(code).toBe(0)
    expect(JSON.parse(readFileSync(join(out, 'asyncapi.json'), 'utf8'))).toMatchObject({ asyncapi: '3.0.0' })
    expect(await comm(['docs', module, '--out', out, '--check'])).toMatchObject({ code: 0, stdout: '' })

    writeFileSync(`${module}.later.mjs`, writes('shop', { topics }))
    const later = await comm(['docs', `${module}.later.mjs`, '--out', out])
    expect([later.stdout, existsSync(join(out, 'openapi.json'))]).toEqual([`removed ${join(out, 'openapi.json')}\n`, false])
  })

  it('wants a name where there are several contracts', async () => {
    writeFileSync(
      module,
      `${writes('one', { topics })}export const two = contract({ title: 'two', version: '1', routes: ${routes} })`,
    )
    const { code, stderr } = await comm(['docs', module])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/exports several contracts; name one: .+#one, .+#two/)])
    expect(await comm(['docs', `${module}#two`, '--out', join(outside, 'two')])).toMatchObject({ code: 0 })
  })

  it.each([
    ['no module', () => ['docs', 'no-such.mjs'], /no-such.mjs cannot be loaded/],
    ['no contract', () => ['docs', module], /exports no contract: the value of contract\(\)/],
    ['no export', () => ['docs', `${module}#three`], /has no export 'three'; it has nothing/],
  ])('says what is wrong: %s', async (_, words, message) => {
    writeFileSync(module, 'export const nothing = 1')
    const { code, stderr } = await comm(words())
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)])
  })
})

describe('comm docs diff', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(join(outside, name), text)
    return join(outside, name)
  }
  const before = file('before.yaml', 'openapi: 3.1.0\npaths:\n  /a: { get: { responses: { 200: {} } } }\n  /b: {}\n')
  const after = file('after.json', '{"openapi":"3.1.0","paths":{"/a":{"get":{"responses":{}}}}}')

  it('names what breaks others, a line each, and ends with 1', async () => {
    const { code, stdout } = await comm(['docs', 'diff', before, after])
    expect(stdout).toBe('GET /a answer 200: is gone [answer-removed]\n/b: is gone [path-removed]\n')
    expect(code).toBe(1)
    const json = await comm(['docs', 'diff', before, after, '--json'])
    expect(JSON.parse(json.stdout.split('\n')[1] ?? '')).toEqual({ rule: 'path-removed', at: '/b', message: 'is gone' })
  })

  it('ends with 0 when nothing does', async () => {
    const { code, stdout, stderr } = await comm(['docs', 'diff', after, before])
    expect([code, stdout, stderr]).toEqual([0, '', 'nothing that breaks others\n'])
  })

  it.each([
    [() => [before], 2, /missing required argument 'new'/],
    [() => [before, 'no-such.json'], 2, /no-such.json cannot be read: ENOENT/],
    [() => [before, file('broken', '{')], 2, /broken is neither JSON nor YAML/],
    [() => [before, file('other', 'asyncapi: 3.0.0')], 1, /both documents must be of one kind, got OpenAPI and AsyncAPI/],
  ])('refuses what it cannot compare: %#', async (words, exitCode, message) => {
    const { code, stderr } = await comm(['docs', 'diff', ...words()])
    expect([code, stderr]).toEqual([exitCode, expect.stringMatching(message)])
  })
})
