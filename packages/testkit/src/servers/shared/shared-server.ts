import { connect } from 'node:net'
import { CommunicationError, ServiceUnavailableError } from '@comm/core'
import type { CommonServerOptions } from '../common-options.ts'
import type { ConsulServerOptions } from '../kinds/consul-options.ts'
import type { KafkaServerOptions } from '../kinds/kafka-options.ts'
import type { RabbitMQServerOptions } from '../kinds/rabbitmq-options.ts'
import type { RedisServerOptions } from '../kinds/redis-options.ts'
import { notOurs } from '../not-ours.ts'
import type { ServerName, TestServer } from '../server.ts'
import { SHARED_SOCKET, type SharedAnswer, type SharedRequest, type SharedServer } from './protocol.ts'
import { ServerPool } from './server-pool.ts'

/** Options by kind of server. */
export interface SharedServerOptions {
  readonly redis: RedisServerOptions
  readonly rabbitmq: RabbitMQServerOptions
  readonly kafka: KafkaServerOptions
  readonly consul: ConsulServerOptions
  readonly etcd: CommonServerOptions
  readonly dnsmasq: CommonServerOptions
  readonly kubernetes: CommonServerOptions
}

/** Without a run that shares its servers among processes, those of this process. */
const ownPool = new ServerPool()

/**
 * The run's server of that kind and those options: started by whoever asks first, closed at the end of the run. Others use it at the
 * same time, so names (topics, keys, queues) must be the test's own, and it can be neither killed nor stopped.
 *
 * @throws ServiceUnavailableError if none could be found or started
 */
export async function sharedServer<Name extends ServerName>(
  name: Name,
  options?: SharedServerOptions[Name],
): Promise<TestServer> {
  const given = options ?? {}
  const socket = process.env[SHARED_SOCKET]
  if (socket === undefined) {
    const server = await ownPool.get(name, given)
    return handle(server, server.tls, server.pid, () => server.logs())
  }
  const server = await ask(socket, { start: name, options: given })
  if (!('server' in server)) throw unexpected(server)
  const logs = async () => {
    const answer = await ask(socket, { logs: name, options: given })
    if (!('logs' in answer)) throw unexpected(answer)
    return answer.logs
  }
  return handle(server.server, server.server.tls, server.server.pid, logs)
}

function handle(server: SharedServer, tls: TestServer['tls'], pid: number | undefined, logs: () => Promise<string>): TestServer {
  const { name, url, urls, host, port, source, version } = server
  const control = notOurs(name, 'others of this run use it too', 'start one of the test’s own', logs)
  return { ...control, name, url, urls, host, port, tls, source, version, pid, [Symbol.asyncDispose]: control.close }
}

function unexpected(answer: SharedAnswer): CommunicationError {
  if ('error' in answer) return new CommunicationError(answer.error, { code: answer.code })
  return new CommunicationError(`the host of shared servers gave an answer to something else: ${Object.keys(answer)}`)
}

function ask(path: string, request: SharedRequest): Promise<SharedAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<SharedAnswer>()
  const socket = connect(path)
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (piece) => {
    text += piece
  })
  socket.once('error', reject)
  socket.once('close', () => {
    if (text.endsWith('\n')) resolve(JSON.parse(text) as SharedAnswer)
    else reject(new ServiceUnavailableError('the host of shared servers went away before it answered'))
  })
  socket.write(`${JSON.stringify(request)}\n`)
  return promise
}
