import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, service } from './support/services.ts'

describe('CONNECT', () => {
  const CONNECT = 'CONNECT shop.example.com:443 HTTP/1.1\r\nHost: shop.example.com:443\r\n\r\n'

  it('is refused to a client that resets the connection, and the gateway lives on', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url, path: '/users' } } })
    for (let each = 0; each < 20; each++) {
      const raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
      raw.write(CONNECT)
      if (each % 2 === 0) await raw.until('405')
      raw.socket.resetAndDestroy()
    }
    expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
  })

  it('keeps no connection whose client does not close its side', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url, path: '/users' } } })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    raw.write(CONNECT)
    await raw.untilClosed()
    expect((await gateway.stop()).problems).toEqual([])
  })
})
