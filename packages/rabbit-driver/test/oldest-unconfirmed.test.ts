import { describe, expect, it } from '@jest/globals'
import { oldestUnconfirmed } from '../src/direct-channel.ts'
import { load } from './support/amqplib.ts'

const { ConfirmChannel } = load('./lib/channel_model')

describe('the oldest message that is not confirmed', () => {
  it('is none when all are, in whatever order they were, and the next one then', () => {
    const channel = new ConfirmChannel({ freshChannel: () => 1 })
    const told: number[] = []
    const publish = (tag: number): void => channel.pushConfirmCallback(() => told.push(tag))
    for (const tag of [1, 2, 3, 4]) publish(tag)
    channel.emit('ack', { deliveryTag: 3, multiple: false })
    expect(oldestUnconfirmed(channel)).toBe(1)
    channel.emit('ack', { deliveryTag: 2, multiple: true })
    expect(oldestUnconfirmed(channel)).toBe(4)
    channel.emit('ack', { deliveryTag: 4, multiple: false })
    expect(oldestUnconfirmed(channel)).toBeUndefined()
    publish(5)
    expect(oldestUnconfirmed(channel)).toBe(5)
    channel.emit('ack', { deliveryTag: 5, multiple: false })
    expect(oldestUnconfirmed(channel)).toBeUndefined()
    expect(told).toEqual([3, 1, 2, 4, 5])
    expect(channel.unconfirmed).toEqual([])
  })
})
