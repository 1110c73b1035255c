import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, jest } from '@jest/globals'

/** An example works for some seconds, which may be a minute on a busy machine. */
const LIMIT_MS = 120_000
jest.setTimeout(LIMIT_MS)

const run = promisify(execFile)
const example = (...words: readonly string[]) =>
  run(process.execPath, ['--conditions=@comm/source', join(import.meta.dirname, '../main.ts'), ...words], { timeout: LIMIT_MS })

describe('pnpm example', () => {
  it('resilience-patterns shows every pattern and asserts it', async () => {
    const { stdout, stderr } = await example('resilience-patterns')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.slice(0, -2).map((line) => line.split(':')[0])).toEqual([
      '✓ Circuit breaker',
      '✓ Retry',
      '✓ Timeout',
      '✓ Bulkhead',
      '✓ Rate limit',
      '✓ Fallback',
      '✓ Hedging',
      '✓ A breaker for each instance',
      '✓ Adaptive limit',
      '✓ Load shedding',
      '✓ Chaos',
      '✓ Named policies',
    ])
    expect(lines.at(-1)).toBe('resilience-patterns: ok')
  })

  it('http-client shows what a client does and asserts it', async () => {
    const { stdout, stderr } = await example('http-client')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      '✓ Calls',
      '✓ Retry',
      '✓ Circuit breaker',
      '✓ Cache',
      '✓ Streams',
      '✓ Events',
      '✓ Authentication',
      '✓ Balancing',
      'http-client',
    ])
    expect(lines.at(-1)).toBe('http-client: ok')
  })

  it('service-discovery registers, finds, filters and outlives an outage on the embedded registry', async () => {
    const { stdout, stderr } = await example('service-discovery')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.slice(0, -1).map((line) => line.split(':')[0])).toEqual([
      '✓ Register and find',
      '✓ Filter',
      '✓ Scale out',
      '✓ Scale in',
      '✓ A death',
      '✓ An outage',
    ])
    expect(lines.at(-1)).toBe('service-discovery: ok')
  })

  it('service-mesh shows identities, lists, policies, versions, certificates and an outage, and asserts them', async () => {
    const { stdout, stderr } = await example('service-mesh')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.slice(0, -1).map((line) => line.split(':')[0])).toEqual([
      '✓ By name',
      '✓ Allow list',
      '✓ Lists that change',
      '✓ Policies that change',
      '✓ Versions',
      '✓ Certificates',
      '✓ An outage',
      '✓ Topology',
    ])
    expect(lines.at(-1)).toBe('service-mesh: ok')
  })

  it('observability shows traces, metrics, logs, audit and health, and asserts them', async () => {
    const { stdout, stderr } = await example('observability')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.slice(0, -1).map((line) => line.split(':')[0])).toEqual([
      '✓ Traces',
      '✓ Metrics',
      '✓ Quiet logs',
      '✓ Levels',
      '✓ Security and audit',
      '✓ Health',
    ])
    expect(lines.at(-1)).toBe('observability: ok')
  })

  it('communication-manager goes from configuration to shutdown and asserts it', async () => {
    const { stdout, stderr } = await example('communication-manager')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'on the embedded broker',
      '✓ Configuration',
      '✓ First use',
      '✓ Start',
      '✓ Use',
      '✓ Health',
      '✓ Shutdown',
      'communication-manager',
    ])
    expect(lines.at(-1)).toBe('communication-manager: ok')
  })

  it('messaging shows what the embedded broker does with messages and asserts it', async () => {
    const { stdout, stderr } = await example('messaging')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'on the embedded broker',
      '✓ Groups',
      '✓ Typed topics',
      '✓ Retry',
      '✓ Dead letters',
      '✓ Deduplication',
      '✓ Order',
      '✓ Delay',
      '✓ Request and reply',
      '✓ Patterns',
      '✓ Stop',
      'messaging',
    ])
    expect(lines.at(-1)).toBe('messaging: ok')
  })

  it('messaging names the brokers when asked for another', async () => {
    await expect(example('messaging', '--broker', 'nats')).rejects.toMatchObject({
      code: 2,
      stderr: 'pnpm example messaging: --broker is one of memory, rabbitmq, kafka, redis, not nats\n',
    })
  })

  it('says which option it does not know, without a stack', async () => {
    await expect(example('messaging', '--brokr', 'redis')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^pnpm example messaging: Unknown option '--brokr'.*\n$/),
    })
  })

  it('names the examples when asked for one that is not there', async () => {
    await expect(example('no-such-example')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('resilience-patterns'),
    })
  })
})
