import { describe, expect, it } from '@jest/globals'
import { adapters } from '../check/adapters.ts'
import { library, plantWorkspace } from './planted.ts'

const SRC = 'packages/messaging-dove/src'
const PLANTED = {
  'packages/messaging/package.json': library('messaging'),
  'packages/messaging/src/broker.ts': 'export interface BrokerAdapter {}\nexport type PublishResult = 1',
  'packages/messaging/src/adapter/index.ts': "export { pause } from '../wait.ts'\nimport type { A } from '../codec.ts'",
  'packages/messaging/src/wait.ts': "import type { Step } from './pipeline/step.ts'",
  'packages/messaging-dove/package.json': library('messaging-dove'),
}

async function problemsOf(files: Record<string, string>): Promise<readonly string[]> {
  using planted = plantWorkspace({ ...PLANTED, ...files })
  return (await adapters.run(planted.root)).failures
}

describe('adapters', () => {
  it('accepts the contract’s types, shared parts, what decides nothing, and the trunk in a client', async () => {
    const problems = await problemsOf({
      [`${SRC}/adapter.ts`]: [
        "import { ConnectionError, type Health, UP } from '@comm/core'",
        "import { checkOptions } from '@comm/core/options'",
        "import type { BrokerAdapter, PublishResult } from '@comm/messaging'",
        "import { Intake } from '@comm/messaging/adapter'",
        "import dove from 'dove'",
      ].join('\n'),
      [`${SRC}/dove-client.ts`]: "import { MessageClient, type MessageClientOptions } from '@comm/messaging'",
      [`packages/messaging-dove/test/a.test.ts`]: "import { retryAfter } from '@comm/messaging'",
    })
    expect(problems).toEqual([])
  })

  it('counts neither blank lines nor comments, but every line of a file', async () => {
    const chatty = `${'// a\n\n'.repeat(100)}/*\n${'b\n'.repeat(90)}*/ export const c = '// no comment' // d\n`
    expect(await problemsOf({ [`${SRC}/a.ts`]: chatty })).toEqual([])
    expect(await problemsOf({ [`${SRC}/a.ts`]: 'a()\n'.repeat(300), [`${SRC}/b.ts`]: `${'\n'.repeat(400)}b()\n` })).toEqual([
      `${SRC}/b.ts: has 401 lines, more than 300`,
    ])
    const five = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`${SRC}/${name}.ts`, 'a()\n'.repeat(241)]))
    expect(await problemsOf(five)).toEqual([
      'packages/messaging-dove: src/ has 1205 lines without blank ones and comments, more than 1200',
    ])
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'a verdict of the trunk',
      { [`${SRC}/a.ts`]: "import { retryAfter } from '@comm/messaging'" },
      `${SRC}/a.ts:1: takes retryAfter from @comm/messaging, which is not of the broker contract`,
    ],
    [
      'a type of the trunk',
      { [`${SRC}/a.ts`]: "import type { DeadLetters } from '@comm/messaging'" },
      `${SRC}/a.ts:1: takes DeadLetters from @comm/messaging, which is not of the broker contract`,
    ],
    [
      'everything of the trunk',
      { [`${SRC}/a.ts`]: "import * as messaging from '@comm/messaging'" },
      `${SRC}/a.ts:1: takes * from @comm/messaging, which is not of the broker contract`,
    ],
    [
      'the client outside a client class',
      { [`${SRC}/a.ts`]: "import { MessageClient } from '@comm/messaging'" },
      `${SRC}/a.ts:1: takes MessageClient from @comm/messaging, which is not of the broker contract`,
    ],
    [
      'the contract as a value',
      { [`${SRC}/a.ts`]: "import { BrokerAdapter } from '@comm/messaging'" },
      `${SRC}/a.ts:1: takes from @comm/messaging more than types: write import type`,
    ],
    [
      'a policy',
      { [`${SRC}/a.ts`]: "import { ConnectionError, retry } from '@comm/core'" },
      `${SRC}/a.ts:1: takes retry from @comm/core, which is not among what adapters need`,
    ],
    [
      'deduplication',
      { [`${SRC}/a.ts`]: "import type { DedupStore } from '@comm/core'" },
      `${SRC}/a.ts:1: takes DedupStore from @comm/core, which is not among what adapters need`,
    ],
    [
      'spans',
      { [`${SRC}/a.ts`]: "import { trace } from '@opentelemetry/api'" },
      `${SRC}/a.ts:1: takes @opentelemetry/api, which is the trunk's`,
    ],
    [
      'a shared part that leads to a stage, over another file',
      {
        [`${SRC}/a.ts`]: '',
        'packages/messaging/src/wait.ts': "\nimport { step } from './pipeline/step.ts'",
      },
      'packages/messaging/src/wait.ts:2: leads from packages/messaging/src/adapter/ to packages/messaging/src/pipeline/step.ts, a stage of the trunk',
    ],
  ])('refuses %s', async (_, files, problem) => {
    expect(await problemsOf(files)).toEqual([problem])
  })
})
