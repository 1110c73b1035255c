import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../../main.ts')

describe.each([
  ['rabbitmq', 'COMM_TEST_RABBITMQ_URL'],
  ['kafka', 'COMM_TEST_KAFKA_BROKERS'],
  ['redis', 'COMM_TEST_REDIS_URL'],
] as const)('on a real %s', (broker, variable) => {
  it.each(['messaging', 'communication-manager'])(
    'the example %s does what it does on the embedded broker',
    async (name) => {
      const { url } = await sharedServer(broker)
      const words = ['--conditions=@comm/source', main, name, '--broker', broker]
      const env = { ...process.env, [variable]: url, COMM_TEST_SERVERS: 'environment' }
      const { stdout } = await run(process.execPath, words, { env, timeout: 150_000 })
      expect(stdout).toMatch(new RegExp(`^on ${broker} `))
      expect(stdout.trimEnd()).toMatch(new RegExp(`${name}: ok$`))
    },
    200_000,
  )
})
