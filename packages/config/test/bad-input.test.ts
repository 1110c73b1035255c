import { CommunicationConfig, httpClientConfig, type LoadOptions, messageBrokerConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { fileWith, folderWith, refused } from './helpers.ts'

const DURATION = 'a duration of at most 24.8 days, at least 1 ms: a number of seconds, or text such as "500ms", "10s", "2m"'
const TEXT = 'a non-empty string, in quotes where it looks like a number'

/** What is wrong, without the words that every message begins with. */
function complaint(act: () => unknown): string {
  return refused(act).message.replace('the configuration is wrong: ', '')
}

describe('wrong variables', () => {
  it.each<[string, string, string]>([
    ['HTTP_CLIENT_TIMEOUT', 'soon', `httpClient.timeout.totalMs must be ${DURATION}, got 'soon'`],
    ['HTTP_CLIENT_TIMEOUT', '-1', `httpClient.timeout.totalMs must be ${DURATION}, got '-1'`],
    ['HTTP_CLIENT_TIMEOUT', '0', `httpClient.timeout.totalMs must be ${DURATION}, got '0'`],
    ['HTTP_CLIENT_TIMEOUT', '25d', `httpClient.timeout.totalMs must be ${DURATION}, got '25d'`],
    ['HTTP_CLIENT_TIMEOUT', '1 week', `httpClient.timeout.totalMs must be ${DURATION}, got '1 week'`],
    ['HTTP_CLIENT_TIMEOUT', 'Infinity', `httpClient.timeout.totalMs must be ${DURATION}, got 'Infinity'`],
    [
      'HTTP_CLIENT_TIMEOUT_MS',
      '1e3',
      `httpClient.timeout.totalMs must be ${DURATION.replace('of seconds', 'of milliseconds')}, got '1e3'`,
    ],
    ['HTTP_CLIENT_MAX_RETRIES', '1.5', "httpClient.retry.maxRetries must be an integer of at least 0, got '1.5'"],
    ['HTTP_CLIENT_MAX_RETRIES', '0x10', "httpClient.retry.maxRetries must be an integer of at least 0, got '0x10'"],
    ['HTTP_CLIENT_RETRY_JITTER', '2', "httpClient.retry.jitter must be a number from 0 to 1, got '2'"],
    ['HTTP_CLIENT_RETRY', 'maybe', "httpClient.retry.enabled must be true or false, got 'maybe'"],
    [
      'HTTP_CLIENT_MAX_RESPONSE_BYTES',
      '1 apple',
      'httpClient.maxResponseBytes must be a size of at least 1: whole bytes, or text such as "16KiB", "10MB", got \'1 apple\'',
    ],
    [
      'HTTP_CLIENT_BASE_URL',
      'api.example.com',
      "httpClient.baseUrl must be an absolute URL that starts with http://, https:// or service://, got 'api.example.com'",
    ],
    [
      'HTTP_CLIENT_BASE_URL',
      'file:///etc/passwd',
      "httpClient.baseUrl must be an absolute URL that starts with http://, https:// or service://, got 'file:///etc/passwd'",
    ],
    [
      'HTTP_CLIENT_HEADERS',
      '{"a":',
      `httpClient.headers must be an object (as text: "name=value" pairs separated by commas, or JSON), each value ${TEXT}, got [redacted]`,
    ],
    [
      'MESSAGE_BROKER_TYPE',
      'zeromq',
      "messageBroker.type must be one of rabbitmq, kafka, redis, redis-streams, memory, got 'zeromq'",
    ],
    ['MESSAGE_BROKER_PORT', '70000', "messageBroker.port must be an integer from 1 to 65535, got '70000'"],
    ['LOG_LEVEL', 'loud', "logging.level must be one of trace, debug, info, warn, error, got 'loud'"],
    ['CORRELATION_HEADER', 'X Id', "logging.correlationHeader must be the name of a header (RFC 9110, section 5.1), got 'X Id'"],
    ['ENVIRONMENT', '../prod', "environment must be a name of letters, digits, `.`, `_` and `-`, got '../prod'"],
    [
      'MESSAGE_BROKER_PASSWORD',
      '[redacted]',
      'messageBroker.password must be the secret itself, got the placeholder that a dump shows in its place',
    ],
    ['HTTP_CLIENT_TIMOUT', '3', 'HTTP_CLIENT_TIMOUT is not a known key; did you mean HTTP_CLIENT_TIMEOUT?'],
    [
      'MESSAGE_BROKER_PASWORD_FILE',
      '/x',
      'MESSAGE_BROKER_PASWORD_FILE is not a known key; did you mean MESSAGE_BROKER_PASSWORD_FILE?',
    ],
    [
      'HTTP_CLIENTS__BILLING__TIMOUT',
      '3',
      'HTTP_CLIENTS__BILLING__TIMOUT is not a known key; did you mean HTTP_CLIENTS__BILLING__TIMEOUT?',
    ],
    ['HTTP_CLIENTS__BILLING__A__B__C__D', '3', 'HTTP_CLIENTS__BILLING__A__B__C__D is not a known key'],
    ['MESSAGE_BROKER_SOMETHING_ELSE_ALTOGETHER', '3', 'MESSAGE_BROKER_SOMETHING_ELSE_ALTOGETHER is not a known key'],
  ])('%s=%s', (variable, value, expected) => {
    expect(complaint(() => CommunicationConfig.fromEnv({ [variable]: value }))).toBe(`${expected} (environment ${variable})`)
  })

  it('one setting by two variables', () => {
    expect(complaint(() => CommunicationConfig.fromEnv({ HTTP_CLIENT_TIMEOUT: '3', HTTP_CLIENT_TIMEOUT_MS: '3000' }))).toBe(
      'httpClient.timeout.totalMs must be set once, but is set by environment HTTP_CLIENT_TIMEOUT and by environment HTTP_CLIENT_TIMEOUT_MS',
    )
  })

  it('a named section whose name is none', () => {
    expect(complaint(() => CommunicationConfig.fromEnv({ 'HTTP_CLIENTS__1.2__TIMEOUT': '3' }))).toBe(
      'httpClients.1.2 must be a name of letters, digits, `-` and single `_` that starts with a letter, got another name (environment HTTP_CLIENTS__1.2__TIMEOUT)',
    )
  })

  it.each<[string, string, string]>([
    ['/nowhere/password', ', file /nowhere/password', 'there is no such file'],
    ['hunter2', '', 'there is no such file'],
    ['/', ', file /', 'it is a folder'],
    [fileWith('\n'), ', file <path>', 'it is empty'],
    ['/dev/null/x', ', file /dev/null/x', 'its path leads through something that is not a folder'],
  ])('a secret in the file %s', (path, where, reason) => {
    expect(complaint(() => CommunicationConfig.fromEnv({ MESSAGE_BROKER_PASSWORD_FILE: path }))).toBe(
      `environment MESSAGE_BROKER_PASSWORD_FILE${where.replace('<path>', path)} must be a file that holds the value, but ${reason}`,
    )
  })
})

describe('wrong files', () => {
  it.each<[string, string]>([
    ['[1, 2]', 'the configuration must be an object with keys, got an array of 2 (<file>)'],
    ['hello', 'the configuration must be an object with keys, got a string (<file>)'],
    ['comunication: {}', 'comunication is not a known key; did you mean communication? (<file>:1)'],
    ['communication: { http_clint: {} }', 'communication.http_clint is not a known key; did you mean http_client? (<file>:1)'],
    [
      'http_client:\n  timeout:\n    conection: 3',
      'http_client.timeout.conection is not a known key; did you mean connection? (<file>:3)',
    ],
    ['httpClient: { maxConections: 3 }', 'httpClient.maxConections is not a known key; did you mean maxConnections? (<file>:1)'],
    ['http_client: 3', 'httpClient must be an object with keys, got a number (<file>:1)'],
    ['http_client: { timeout: [3] }', `httpClient.timeout.totalMs must be ${DURATION}, got an array of 1 (<file>:1)`],
    ['http_client: { timeout: .inf }', `httpClient.timeout.totalMs must be ${DURATION}, got Infinity (<file>:1)`],
    [
      'http_client: { base_url: { a: 1 } }',
      'httpClient.baseUrl must be an absolute URL that starts with http://, https:// or service://, got an object with keys a (<file>:1)',
    ],
    ['message_broker: { username: 0123 }', `messageBroker.username must be ${TEXT}, got 123 (<file>:1)`],
    ['message_broker: { host: "" }', `messageBroker.host must be ${TEXT}, got '' (<file>:1)`],
    [
      'message_broker: { hosts: [a, 2] }',
      `messageBroker.hosts must be a list (as text: separated by commas, or a JSON array), each item ${TEXT}, got an array of 2 (<file>:1)`,
    ],
    ['http_clients: [a]', 'httpClients must be an object with a section for each name, got an array of 1 (<file>:1)'],
    [
      'http_clients: { "a.b": {} }',
      'httpClients.a.b must be a name of letters, digits, `-` and single `_` that starts with a letter, got another name (<file>:1)',
    ],
    [
      'http_client:\n  base_url: http://a\n  baseUrl: http://b',
      'httpClient.baseUrl must be set once, but is set by <file>:2 and by <file>:3',
    ],
    [
      'message_broker:\n  ssl_enabled: true\n  ssl:\n    enabled: true',
      'messageBroker.ssl.enabled must be set once, but is set by <file>:2 and by <file>:4',
    ],
    ['http_client: {}\nhttp_client: {}', '<file>:2:1 must be valid YAML, but map keys must be unique'],
    ['a: 1\n\tb: 2', '<file>:2:1 must be valid YAML, but tabs are not allowed as indentation'],
    ['a: "b', '<file>:1:6 must be valid YAML, but missing closing "quote'],
    ['--- {}\n--- {}', '<file>:2:1 must be valid YAML, but a second document begins here'],
    ['a: !x y', '<file>:1:4 must be valid YAML, but a tag is unknown (text that begins with `!` needs quotes)'],
    ['a: *x', '<file> must be valid YAML, but a `*` refers to nothing, or too often (text that begins with `*` needs quotes)'],
  ])('%j', (yaml, expected) => {
    const file = fileWith(yaml)
    expect(complaint(() => CommunicationConfig.fromFile(file)).replaceAll(file, '<file>')).toBe(expected)
  })

  it.each<[string, string]>([
    ['missing.yaml', '<file> must be a readable YAML or JSON file, but there is no such file'],
    ['.', '<file> must be a file whose name ends in .yaml, .yml, .json, but its name ends otherwise'],
    ['folder.yaml', '<file> must be a readable YAML or JSON file, but it is a folder'],
    ['comm.toml', '<file> must be a file whose name ends in .yaml, .yml, .json, but its name ends otherwise'],
  ])('%s', (name, expected) => {
    const file = `${folderWith({ 'folder.yaml/x': '', 'comm.toml': '' })}/${name}`
    expect(complaint(() => CommunicationConfig.fromFile(file)).replaceAll(file, '<file>')).toBe(expected)
  })

  it('broken JSON', () => {
    const file = fileWith('{ "logging": { "level" "info" } }', 'c.json')
    expect(complaint(() => CommunicationConfig.fromFile(file)).replaceAll(file, '<file>')).toBe(
      '<file>:1:24 must be valid JSON, but missing , or : between flow map items',
    )
  })
})

describe('wrong arguments', () => {
  // What a caller without types, or with a value of another shape, can pass.
  const wrong = <Value>(value: unknown): Value => value as Value

  it.each<[string, () => unknown, string]>([
    ['no path', () => CommunicationConfig.fromFile(''), "CommunicationConfig.fromFile(path) must be a non-empty string, got ''"],
    [
      'no environment',
      () => CommunicationConfig.fromEnv(wrong(null)),
      'CommunicationConfig.fromEnv(env) must be an object, got null',
    ],
    ['no values', () => CommunicationConfig.from(wrong(3)), 'CommunicationConfig.from(values) must be an object, got 3'],
    [
      'an unknown option',
      () => CommunicationConfig.load(wrong<LoadOptions>({ path: 'x' })),
      'CommunicationConfig.load.path is an unknown option, known are file, profile, profileFile, env, overrides',
    ],
    [
      'a wrong option',
      () => CommunicationConfig.load({ file: '' }),
      "CommunicationConfig.load.file must be a non-empty string, got ''",
    ],
    [
      'a wrong profile',
      () => CommunicationConfig.load({ profile: '../x', env: {} }),
      "environment must be a name of letters, digits, `.`, `_` and `-`, got '../x' (the option profile)",
    ],
    [
      'a wrong value',
      () => httpClientConfig({ maxConnections: Number.NaN }),
      'maxConnections must be an integer of at least 1, got NaN (httpClientConfig)',
    ],
    ['an unknown key', () => messageBrokerConfig(wrong({ prefetch: 3 })), 'prefetch is not a known key (messageBrokerConfig)'],
  ])('%s', (_, act, expected) => {
    expect(complaint(act)).toBe(expected)
  })
})

it('all problems come at once, each with key, source, received and expected', () => {
  const error = refused(() => CommunicationConfig.fromEnv({ LOG_LEVEL: 'loud', MESSAGE_BROKER_PORT: 'x' }))
  expect(error.message).toBe(
    [
      'the configuration has 2 problems:',
      "  logging.level must be one of trace, debug, info, warn, error, got 'loud' (environment LOG_LEVEL)",
      "  messageBroker.port must be an integer from 1 to 65535, got 'x' (environment MESSAGE_BROKER_PORT)",
    ].join('\n'),
  )
  expect(error.problems).toEqual([
    {
      key: 'logging.level',
      source: 'environment LOG_LEVEL',
      received: "'loud'",
      expected: 'one of trace, debug, info, warn, error',
    },
    {
      key: 'messageBroker.port',
      source: 'environment MESSAGE_BROKER_PORT',
      received: "'x'",
      expected: 'an integer from 1 to 65535',
    },
  ])
})
