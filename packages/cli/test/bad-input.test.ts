import { describe, expect, it } from '@jest/globals'
import { inProcess } from './support/in-process.ts'

const HELP = 'comm --help says what there is\n'
const SCHEMES = 'amqp, amqps, redis, rediss, redis+pubsub, rediss+pubsub, kafka, kafka+tls'
const LIKE = `--broker must be a URL such as amqp://host:5672/vhost, with ${SCHEMES}, got `
const REDIS = ['--broker', 'redis://127.0.0.1:1'] as const

describe('a command line that is wrong', () => {
  it.each<[readonly string[], string]>([
    [['lisd'], `comm: unknown command 'lisd'\n${HELP}`],
    [['dlq', 'lisd'], `comm: unknown command 'lisd'\n(Did you mean list?)\n${HELP}`],
    [['tail'], `comm: missing required argument 'topic'\n${HELP}`],
    [['dlq', 'show', 'orders'], `comm: missing required argument 'id'\n${HELP}`],
    [
      ['publish', 'orders', '1', '2'],
      `comm: too many arguments for 'publish'. Expected 2 arguments but got 3: orders, 1, 2.\n${HELP}`,
    ],
    [['doctor', '--jsn'], `comm: unknown option '--jsn'\n(Did you mean --json?)\n${HELP}`],
    [
      ['doctor', '--timeout', 'soon'],
      `comm: option '--timeout <duration>' argument 'soon' is invalid. It must be a duration such as 500ms, 10s, 5m, 2h or 7d.\n${HELP}`,
    ],
    [
      ['doctor', '--timeout', '0'],
      `comm: option '--timeout <duration>' argument '0' is invalid. It must be from 1ms to 24d.\n${HELP}`,
    ],
    [
      ['dlq', 'list', 'orders', '--limit', '0'],
      `comm: option '--limit <n>' argument '0' is invalid. It must be a whole number, at least 1.\n${HELP}`,
    ],
    [
      ['dlq', 'list', 'orders', '--reason', 'bad'],
      `comm: option '--reason <reason>' argument 'bad' is invalid. It must be one of undecodable, schema, attempts, error, rejected, refused, unknown.\n${HELP}`,
    ],
    [
      ['tail', 'orders', '--from', 'monday'],
      `comm: option '--from <start>' argument 'monday' is invalid. It must be new, earliest, a duration ago such as 10m, or a time such as 2026-01-31T12:00:00Z.\n${HELP}`,
    ],
    [
      ['publish', 'orders', '1', '-H', 'x'],
      `comm: option '-H, --header <name=value>' argument 'x' is invalid. It must be name=value.\n${HELP}`,
    ],
    [
      ['publish', 'orders', '1', '--unroutable', 'x'],
      `comm: option '--unroutable <what>' argument 'x' is invalid. Allowed choices are error, ignore.\n${HELP}`,
    ],
    [['tail', 'orders'], 'comm: no broker is configured: set MESSAGE_BROKER_TYPE, or pass --config or --broker\n'],
    [['tail', 'orders', '--broker', 'audit'], 'comm: --broker must be a URL or a name of messageBrokers, got "audit"\n'],
    [['tail', 'orders', '--broker', 'http://host'], `comm: ${LIKE}"http://host"\n`],
    [['tail', 'orders', '--broker', 'redis://:top@s3cret@host:x'], `comm: ${LIKE}"redis://[redacted]@host:x"\n`],
    [['tail', 'orders', '--broker', 'redis://host/one'], `comm: ${LIKE}"redis://host/one"\n`],
    [['tail', 'orders', '--broker', 'kafka://host/one'], `comm: ${LIKE}"kafka://host/one"\n`],
    [['tail', 'orders', '--broker', 'amqp://%ff@host'], `comm: ${LIKE}"amqp://[redacted]@host"\n`],
    [
      ['dlq', 'list', 'orders', ...REDIS],
      'comm: --group is needed: the group that could not handle the messages (or set SERVICE_NAME, which is its default)\n',
    ],
    [
      ['dlq', 'purge', 'orders', '-g', 'billing', ...REDIS],
      'comm: purge throws messages away for good: without a terminal to ask at, it needs --yes\n',
    ],
    [
      ['publish', 'orders', '@/nowhere/at/all', ...REDIS],
      'comm: the body cannot be read from "/nowhere/at/all": ENOENT: no such file or directory, open \'/nowhere/at/all\'\n',
    ],
    [
      ['publish', 'orders', 'x', '--content-type', 'application/a+json', ...REDIS],
      'comm: the body must be JSON, as the content type application/a+json says\n',
    ],
  ])('%j', async (words, stderr) => {
    expect(await inProcess(words)).toEqual({ code: 2, stdout: '', stderr })
  })

  it('asks for a body at a terminal', async () => {
    const { code, stderr } = await inProcess(['publish', 'orders', ...REDIS], { typed: '' })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'comm: a body is needed: as an argument, as @file, or - for the standard input\n',
    })
  })

  it('shows what there is when nothing is asked', async () => {
    const { code, stdout, stderr } = await inProcess([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: comm')
  })
})

describe('what fails', () => {
  it('is told in one line, with --verbose by its causes too', async () => {
    const words = ['tail', 'orders', '--broker', 'redis://me:s3cret@127.0.0.1:1']
    const { code, stdout, stderr } = await inProcess(words)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^comm: cannot connect to Redis at 127\.0\.0\.1:1: connect ECONNREFUSED [^\n]+ \(COMM_CONNECTION\)\n$/)
    const verbose = await inProcess([...words, '--verbose'])
    expect(verbose.stderr).toMatch(/\n {2}caused by\n.*ECONNREFUSED/)
    expect(stderr + verbose.stderr).not.toContain('s3cret')
  })

  it('tells a configuration that is wrong, and where', async () => {
    const { code, stderr } = await inProcess(['tail', 'orders'], { env: { MESSAGE_BROKER_TYPE: 'rabbit' } })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^comm: the configuration is wrong: messageBroker\.type must be one of .*\(environment MESSAGE_BROKER_TYPE\).*\n$/,
    )
  })

  it('is told as interrupted when the command was', async () => {
    const { code } = await inProcess(['tail', 'orders', '--broker', 'redis://127.0.0.1:1'], { signal: AbortSignal.abort() })
    expect(code).toBe(130)
  })
})

describe('help', () => {
  it.each([[['--help']], [['dlq', 'replay', '--help']], [['help', 'tail']]])('%j is data', async (words) => {
    const { code, stdout, stderr } = await inProcess(words)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: comm/)
  })

  it('says the version', async () => {
    expect(await inProcess(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})
