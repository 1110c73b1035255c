import { describe, expect, it } from '@jest/globals'
import { direction } from '../check/direction.ts'
import { library, plantWorkspace } from './planted.ts'

const CORE = { 'packages/core/package.json': library('core'), 'packages/core/src/index.ts': '' }
const HTTP = library('http', { dependencies: { '@comm/core': '*', got: '*' } })

async function problemsOf(files: Record<string, string | object>): Promise<readonly string[]> {
  using planted = plantWorkspace(files)
  return (await direction.run(planted.root)).failures
}

describe('direction', () => {
  it('accepts imports of what is below, declared and exported, of Node, and of tools in tests', async () => {
    const problems = await problemsOf({
      ...CORE,
      'packages/http/package.json': HTTP,
      'packages/http/src/index.ts':
        "import '@comm/core'\nimport got from 'got'\nimport { join } from 'node:path'\nimport './a.ts'",
      'packages/http/src/a.ts': '',
      'packages/http/test/a.test.ts': "import '@jest/globals'\nimport '@comm/http'\nimport '../src/a.ts'",
    })
    expect(problems).toEqual([])
  })

  it.each<[string, Record<string, string | object>, string]>([
    [
      'a package that is not below, a type import included',
      {
        'packages/core/package.json': library('core', { dependencies: { '@comm/http': '*' } }),
        'packages/core/src/index.ts': "import type { A } from '@comm/http'",
      },
      'packages/core/src/index.ts:1: core imports http, which is not below it',
    ],
    [
      'a manifest that points the wrong way',
      { 'packages/core/package.json': library('core', { peerDependencies: { '@comm/http': '*' } }) },
      'packages/core/package.json: core declares http, which is not below it',
    ],
    [
      'what is not declared',
      { 'packages/http/src/index.ts': "\nexport * from 'undici'" },
      'packages/http/src/index.ts:2: imports undici, which packages/http/package.json does not declare',
    ],
    [
      'the inside of another package by name',
      { 'packages/http/src/index.ts': "import '@comm/core/src/clock.ts'" },
      "packages/http/src/index.ts:1: reaches into @comm/core: './src/clock.ts' is not in its exports",
    ],
    [
      'the inside of another package by path',
      { 'packages/http/test/a.test.ts': "import '../../core/src/index.ts'" },
      "packages/http/test/a.test.ts:1: '../../core/src/index.ts' leaves packages/http/: import the package by its name",
    ],
    [
      'test code',
      { 'packages/http/src/index.ts': "import '../test/help.ts'" },
      "packages/http/src/index.ts:1: '../test/help.ts' is test code",
    ],
    [
      'its own name',
      { 'packages/core/src/index.ts': "const core = import('@comm/core')" },
      'packages/core/src/index.ts:1: imports its own package as @comm/core: use a relative path',
    ],
    [
      'a peer that pnpm cannot pack',
      { 'packages/http/package.json': library('http', { peerDependencies: { '@comm/core': 'workspace:^' } }) },
      'packages/http/package.json: names @comm/core as a peer alone: add it to devDependencies, or pnpm cannot pack the version',
    ],
    [
      'configuration from a library',
      {
        'packages/http/package.json': library('http', { dependencies: { '@comm/config': '*' } }),
        'packages/config/package.json': library('config'),
      },
      'packages/http/package.json: http declares config, which is for manager and cli alone',
    ],
    [
      'testkit from a library',
      {
        'packages/http/package.json': library('http', { devDependencies: { '@comm/testkit': '*' } }),
        'packages/testkit/package.json': library('testkit'),
      },
      'packages/http/package.json: http declares testkit, which is for tests alone',
    ],
    [
      'a package without a place',
      { 'packages/novel/package.json': library('novel', { dependencies: { '@comm/core': '*' } }) },
      'packages/novel/package.json: novel has no place in LAYERS of .ci/check/direction-rules.ts',
    ],
  ])('refuses %s', async (_, files, problem) => {
    expect(await problemsOf({ ...CORE, 'packages/http/package.json': HTTP, ...files })).toContain(problem)
  })
})
