import { randomUUID } from 'node:crypto'

/** What every message says: 200 bytes of JSON. */
export const ORDER = {
  id: 4711,
  customer: 'c-2039-eu',
  currency: 'EUR',
  items: [
    { sku: 'A-1001', quantity: 2, price: 19.95 },
    { sku: 'B-2002', quantity: 1, price: 249 },
  ],
  note: 'leave it with a neighbour if nobody answers',
}

export type Order = typeof ORDER

export const JSON_TYPE = 'application/json'
/** CloudEvents `source` of every message. */
export const SOURCE = '/bench'

/** An order as somebody makes it by hand who wants what @comm/messaging sends: the same headers, the same bytes. */
export interface Sealed {
  readonly id: string
  readonly headers: Record<string, string>
  readonly body: Buffer
}

/** For a broker that has a property for the content type. */
export function seal(topic: string): Sealed {
  const id = randomUUID()
  return {
    id,
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: SOURCE,
      ce_type: topic,
      ce_time: new Date().toISOString(),
      ce_correlationid: id,
    },
    body: Buffer.from(JSON.stringify(ORDER)),
  }
}

/** For a broker that has headers alone. */
export function sealWithType(topic: string): Sealed {
  const sealed = seal(topic)
  sealed.headers['content-type'] = JSON_TYPE
  return sealed
}

/** @throws Error when a message that arrived is not what `seal` makes. @param body of an order, or of Nest's packet around one */
export function checkSealed(expected: Sealed, headers: Readonly<Record<string, unknown>>, body: Buffer, isNest: boolean): void {
  const names = Object.keys(headers).sort().join()
  const expectedNames = Object.keys(expected.headers).sort().join()
  if (names !== expectedNames) throw new Error(`a message came with the headers ${names}, expected ${expectedNames}`)
  const sizes = Object.entries(expected.headers).filter(([name, value]) => String(headers[name]).length !== value.length)
  if (sizes.length > 0) throw new Error(`headers ${sizes.map(([name]) => name)} are of another length than those sent by hand`)
  const text = isNest ? JSON.stringify((JSON.parse(String(body)) as { data: unknown }).data) : String(body)
  if (text !== String(expected.body)) throw new Error(`a message came with the body ${body}, expected ${expected.body}`)
}
