// A gateway in a process of its own, with a limit in Redis: tells its URL, and ends with its parent.
import { createGateway } from '@comm/gateway'
import { RedisRateLimitStore } from '@comm/redis-stores'

const { REDIS_HOST = '', REDIS_PORT = '', SERVICE_URL = '', KEY_PREFIX = '' } = process.env
const store = new RedisRateLimitStore({
  connection: { host: REDIS_HOST, port: Number(REDIS_PORT) },
  whenAway: 'reject',
  timeoutMs: 10_000,
  keyPrefix: KEY_PREFIX,
})
const gateway = createGateway({
  port: 0,
  host: '127.0.0.1',
  services: { users: { url: SERVICE_URL, path: false } },
  routes: [{ path: '/users', service: 'users', rateLimit: { perSecond: 0.0001, burst: 100, key: 'route', store } }],
})
await gateway.start()
process.send?.(gateway.url)
process.on('disconnect', () => process.exit())
