import { inspect } from 'node:util'
import { CommunicationConfig, messageBrokerConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { fileWith, refused } from './helpers.ts'

const SECRET = 'hunter2'

describe('a secret', () => {
  const config = CommunicationConfig.from({
    messageBroker: { password: SECRET, ssl: { passphrase: SECRET }, hosts: [`amqp://me:${SECRET}@a:1`] },
    messageBrokers: { audit: { password: SECRET } },
    serviceDiscovery: { token: SECRET, services: { users: [`http://me:${SECRET}@users`] } },
    httpClient: {
      baseUrl: `https://me:${SECRET}@api.example.com/v1?api_key=${SECRET}&page=1`,
      auth: {
        bearer: SECRET,
        basic: { username: 'me', password: SECRET },
        apiKey: { value: SECRET },
        oauth2: { clientSecret: SECRET },
      },
      headers: { authorization: `Bearer ${SECRET}`, 'X-Api-Key': SECRET, accept: 'text/plain' },
    },
  })

  it('is there for whoever asks for it', () => {
    expect(config.messageBroker.password).toBe(SECRET)
    expect(config.httpClient.headers.authorization).toBe(`Bearer ${SECRET}`)
  })

  it.each([
    ['JSON', JSON.stringify(config)],
    ['JSON of a section', JSON.stringify([config.messageBroker, config.httpClient, config.messageBrokers, { ...config }])],
    ['inspect', inspect(config, { depth: 9 })],
    ['inspect of a section', inspect([config.messageBroker, config.messageBroker.ssl, config.httpClient], { depth: 9 })],
    ['inspect of the named sections', inspect({ brokers: config.messageBrokers }, { depth: 9 })],
    ['inspect with hidden properties', inspect(config, { depth: 9, showHidden: true })],
    ['dump', config.dump()],
    ['text', `${config} ${String(config.messageBroker)}`],
    ['a section made in code', inspect(messageBrokerConfig({ password: SECRET }))],
  ])('is not in its %s', (_, shown) => {
    expect(shown).not.toContain(SECRET)
  })

  it('leaves the rest readable', () => {
    expect(config.toJSON()).toMatchObject({
      messageBroker: { password: '[redacted]', hosts: ['amqp://[redacted]@a:1'] },
      httpClient: {
        baseUrl: 'https://[redacted]@api.example.com/v1?api_key=[redacted]&page=1',
        headers: { authorization: '[redacted]', 'X-Api-Key': '[redacted]', accept: 'text/plain' },
      },
    })
    expect(config.dump()).toMatch(/^messageBroker\.password +"\[redacted\]" +CommunicationConfig\.from$/m)
  })

  it('tells from the names of headers alone, not from those of services and loggers', () => {
    const headers = { 'Ocp-Apim-Subscription-Key': 'hidden', hockey: 'shown' }
    const shown = CommunicationConfig.from({
      httpClient: { headers },
      serviceDiscovery: { services: { 'token-key': ['http://a'] } },
      logging: { levels: { 'refresh-token': 'debug' } },
    }).toJSON()
    expect(shown).toMatchObject({
      httpClient: { headers: { 'Ocp-Apim-Subscription-Key': '[redacted]', hockey: 'shown' } },
      serviceDiscovery: { services: { 'token-key': ['http://a'] } },
      logging: { levels: { 'refresh-token': 'debug' } },
    })
  })

  it.each([
    ['a wrong type of secret', 'message_broker: { password: [hunter2] }'],
    ['a URL that is none', 'http_client: { base_url: "htps://me:hunter2@api" }'],
    ['a URL cut by its password', 'http_client: { base_url: "://me:hunter2/a@api" }'],
    ['a misspelled key', 'message_broker: { pasword: hunter2 }'],
    ['a section in the place of a secret', 'message_broker: { password: { value: hunter2 } }'],
    ['a secret in the place of a section', 'message_broker: hunter2'],
    ['an alias, for want of quotes', 'message_broker: { password: *hunter2 }'],
    ['a tag, for want of quotes', 'message_broker: { password: !hunter2 x }'],
    ['broken YAML', 'message_broker: { password: "hunter2 }'],
    ['broken YAML after it', 'password: hunter2: x\n'],
  ])('is not in the error about %s', (_, yaml) => {
    const error = refused(() => CommunicationConfig.fromFile(fileWith(yaml)))
    expect(inspect(error, { depth: 9 })).not.toContain(SECRET)
    expect(JSON.stringify(error)).not.toContain(SECRET)
  })

  it.each([
    ['is set where its file should be', { MESSAGE_BROKER_PASSWORD_FILE: SECRET }],
    ['is set twice', { MESSAGE_BROKER_PASSWORD: SECRET, MESSAGE_BROKER_PASSWORD_FILE: fileWith(SECRET) }],
    ['is in a header', { HTTP_CLIENT_HEADERS: `authorization ${SECRET}` }],
    ['is under a misspelled name', { MESSAGE_BROKER_PASSWRD: SECRET }],
  ])('is not in the error when it %s', (_, env) => {
    expect(
      inspect(
        refused(() => CommunicationConfig.fromEnv(env)),
        { depth: 9 },
      ),
    ).not.toContain(SECRET)
  })
})
