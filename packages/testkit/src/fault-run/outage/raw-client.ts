import { sleep } from '@comm/core'
import { kafkaPing } from '../../servers/ping/kafka.ts'
import { rabbitmqPing } from '../../servers/ping/rabbitmq.ts'
import { redisPing } from '../../servers/ping/redis.ts'
import type { Ping } from '../../servers/process/wait-until-ready.ts'
import type { TestServer } from '../../servers/server.ts'
import { monotonicMicroseconds } from '../journal.ts'
import type { OutageBroker } from './options.ts'

/** Bytes of the broker's own protocol on a socket of their own: no client is earlier. */
const PINGS: Readonly<Record<OutageBroker, Ping>> = {
  rabbit: rabbitmqPing,
  kafka: kafkaPing,
  'redis-streams': redisPing({}),
}

const TRY_MS = 1000
const AGAIN_MS = 20

/** Tries until the broker answers. @returns when it did */
export async function firstSuccess(broker: OutageBroker, { host, port }: Pick<TestServer, 'host' | 'port'>): Promise<number> {
  for (;;) {
    try {
      await PINGS[broker]({ host, port }, AbortSignal.timeout(TRY_MS))
      return monotonicMicroseconds()
    } catch {
      await sleep(AGAIN_MS)
    }
  }
}
