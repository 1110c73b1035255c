import { ConnectionError, constantBackoff } from '@comm/core'
import { Connection, type KafkaDriver, type KafkaLink, resolveConnection } from '@comm/kafka-driver'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const signal = new AbortController().signal
const gone = new ConnectionError('the way is gone')

/** A driver whose links do nothing; `opening` decides whether one breaks before it is handed over. */
function driverOf(opening: (onBroken: (reason: ConnectionError) => void, times: number) => void) {
  const closed: number[] = []
  let times = 0
  const driver = {
    async open(onBroken) {
      const number = ++times
      opening(onBroken, number)
      return { close: async () => void closed.push(number), probe: async () => undefined } as Partial<KafkaLink> as KafkaLink
    },
  } as Partial<KafkaDriver> as KafkaDriver
  return { driver, closed }
}

const options = resolveConnection({ reconnect: constantBackoff({ baseMs: 1 }) })

describe('Connection', () => {
  it('refuses a link that broke before it was open, and closes it', async () => {
    const { driver, closed } = driverOf((onBroken) => onBroken(gone))
    const connection = new Connection(driver, options, { onUp: () => undefined, onDown: () => undefined })
    await expect(connection.connect(signal)).rejects.toBe(gone)
    expect(closed).toEqual([1])
    expect(connection.link).toBeUndefined()
    await connection.close()
  })

  it('goes on trying when a new link breaks before it is open', async () => {
    const told: string[] = []
    let breakIt: (reason: ConnectionError) => void = () => undefined
    const { driver, closed } = driverOf((onBroken, times) => {
      if (times === 1) breakIt = onBroken
      if (times === 2) onBroken(gone)
    })
    const connection = new Connection(driver, options, { onUp: () => told.push('up'), onDown: () => told.push('down') })
    await connection.connect(signal)
    breakIt(gone)
    await waitFor(() => told.length === 3)
    expect(told).toEqual(['up', 'down', 'up'])
    expect(closed).toEqual([2])
    await connection.close()
    expect(closed).toEqual([2, 3])
  })
})
