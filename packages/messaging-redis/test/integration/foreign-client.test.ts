import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { MessageMeta } from '@comm/messaging'
import { RedisPubSubClient, RedisStreamsClient } from '@comm/messaging-redis'
import { handlerSpy, waitFor } from '@comm/testkit'
import { findTool, sharedServer } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

const INSTALL_MS = 120_000
const { host, port } = await sharedServer('redis')
const unique = `foreign.${process.pid}.${Date.now()}`
const streams = new RedisStreamsClient({ host, port, group: 'billing' })
const pubsub = new RedisPubSubClient({ host, port })
afterAll(() => Promise.all([streams.close(), pubsub.close()]))

const cli = await findTool('redis-cli', 'redis-tools')
const server = ['-h', host, '-p', String(port)]
const redisCli = async (...args: string[]): Promise<string> => (await promisify(execFile)(cli, [...server, ...args])).stdout

type Spy = [body: unknown, meta: MessageMeta]

describe('redis-cli and Streams', () => {
  it(
    'XADD writes what we consume',
    async () => {
      const topic = `${unique}.in`
      const spy = handlerSpy<Spy>()
      await streams.subscribe(topic, spy)
      await redisCli('XADD', topic, '*', 'body', '{"id":7}', 'tenant', 'acme')
      await redisCli('XADD', topic, '*', 'id', '8', 'name', 'eight')
      await spy.called(2)
      expect(spy.messages).toEqual([{ id: 7 }, { id: '8', name: 'eight' }])
      expect(spy.calls[0]?.[1].headers).toMatchObject({ tenant: 'acme' })
    },
    INSTALL_MS,
  )

  it(
    'XREADGROUP reads what we publish, and XACK settles it',
    async () => {
      const topic = `${unique}.out`
      await redisCli('XGROUP', 'CREATE', topic, 'theirs', '$', 'MKSTREAM')
      await streams.publish(topic, { id: 9 }, { key: 'k' })
      const read = await redisCli('XREADGROUP', 'GROUP', 'theirs', 'me', 'STREAMS', topic, '>')
      const [stream, id, ...fields] = read.trim().split('\n')
      const entry = Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, at) => [fields[at * 2], fields[at * 2 + 1]]))
      expect([stream, entry['body'], entry['key']]).toEqual([topic, '{"id":9}', 'k'])
      expect(JSON.parse(entry['headers'] ?? '')).toMatchObject({ 'content-type': 'application/json', ce_type: topic })
      expect(await redisCli('XACK', topic, 'theirs', String(id))).toBe('1\n')
    },
    INSTALL_MS,
  )
})

describe('redis-cli and Pub/Sub', () => {
  it(
    'PUBLISH writes what we consume',
    async () => {
      const topic = `${unique}.heard`
      const spy = handlerSpy<Spy>()
      await pubsub.subscribe(topic, spy)
      expect(await redisCli('PUBLISH', topic, '{"id":7}')).toBe('1\n')
      const event = { specversion: '1.0', id: '1', source: '/cli', type: 't', data: { id: 8 } }
      await redisCli('PUBLISH', topic, JSON.stringify(event))
      await spy.called(2)
      expect(spy.messages).toEqual([{ id: 7 }, { id: 8 }])
      expect(spy.calls[1]?.[1]).toMatchObject({ id: '1', source: '/cli' })
    },
    INSTALL_MS,
  )

  it(
    'SUBSCRIBE reads what we publish: a CloudEvent in JSON',
    async () => {
      const topic = `${unique}.said`
      const listening = spawn(cli, [...server, 'SUBSCRIBE', topic])
      let heard = ''
      listening.stdout.on('data', (chunk: Buffer) => {
        heard += String(chunk)
      })
      await waitFor(() => heard.includes('subscribe'), { what: 'redis-cli to listen' })
      await pubsub.publish(topic, { id: 10 })
      await waitFor(() => heard.includes('"data":{"id":10}}\n'), { what: 'redis-cli to hear' })
      listening.kill()
      await once(listening, 'close')
      const event = JSON.parse(heard.trim().split('\n').at(-1) ?? '')
      expect(event).toMatchObject({ specversion: '1.0', type: topic, datacontenttype: 'application/json', data: { id: 10 } })
    },
    INSTALL_MS,
  )
})
