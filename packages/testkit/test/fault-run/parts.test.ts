import { execFileSync } from 'node:child_process'
import { describe, expect, it } from '@jest/globals'
import { Retries } from '../../src/fault-run/delay/retries.ts'
import { MEMORY_MEASURED } from '../../src/fault-run/fork-options.ts'
import { Gate } from '../../src/fault-run/gate.ts'
import { MemoryWatch } from '../../src/fault-run/memory-watch.ts'
import { Bits } from '../../src/fault-run/outage/bits.ts'
import { judge, type OutageReport } from '../../src/fault-run/outage/judge.ts'
import { MemoryAccount } from '../../src/fault-run/outage/memory-account.ts'

const MIB = 1024 * 1024

describe('Gate', () => {
  it('lets messages pass as it opens, never closes again', async () => {
    const gate = new Gate()
    const passed: number[] = []
    const passing = [0, 1, 2].map((message) => gate.pass(message).then(() => passed.push(message)))
    gate.open(2)
    gate.open(1)
    await Promise.all(passing.slice(0, 2))
    expect(passed).toEqual([0, 1])
    gate.open(3)
    await Promise.all(passing)
    expect(passed).toEqual([0, 1, 2])
  })
})

describe('MemoryWatch', () => {
  it('counts growth from the most of the first ten seconds', () => {
    const watch = new MemoryWatch(0)
    watch.sample(100 * MIB, 1000)
    watch.sample(120 * MIB, 9000)
    watch.sample(90 * MIB, 11_000)
    expect([watch.growthMiB, watch.maxMiB]).toEqual([0, 120])
    watch.sample(150 * MIB, 12_000)
    expect([watch.growthMiB, watch.maxMiB]).toEqual([30, 150])
  })
})

describe('the processes of a run', () => {
  it('do not keep the room that objects took which live for a moment', () => {
    const code = `
      const before = (gc(), process.memoryUsage.rss())
      for (let round = 0; round < 40; round++) {
        const waiting = []
        for (let index = 0; index < 100_000; index++) waiting.push({ index, text: 'message ' + index })
      }
      console.log(Math.round((gc(), process.memoryUsage.rss() - before) / 1048576))`
    const grownMiB = Number(execFileSync(process.execPath, [...MEMORY_MEASURED, '--eval', code], { encoding: 'utf8' }))
    expect(grownMiB).toBeLessThan(120)
  })
})

describe('Bits', () => {
  it('holds numbers, travels as text, and compares', () => {
    const some = new Bits()
    for (const number of [0, 7, 8, 100_000, 7]) some.add(number)
    const other = Bits.fromText(some.toText())
    expect([some.size, other.size, some.countMissingIn(other)]).toEqual([4, 4, 0])
    some.add(9)
    expect([some.has(9), other.has(9), some.countMissingIn(other), other.countMissingIn(some)]).toEqual([true, false, 1, 0])
  })
})

describe('MemoryAccount', () => {
  it('tells growth since before the outage, and creep since the buffer was full', () => {
    const memory = new MemoryAccount(10)
    const sample = (rss: number, live: number, messages: number) =>
      memory.add({ rssBytes: rss, liveBytes: live, buffered: { messages, bytes: messages * 100 } })
    sample(50, 20, 0)
    memory.begin()
    sample(60, 25, 5)
    sample(70, 30, 10)
    sample(75, 33, 10)
    memory.end()
    sample(90, 60, 10)
    expect([memory.rssBytes, memory.grownBytes, memory.bufferedBytes, memory.creptBytes]).toEqual([90, 40, 1000, 3])
  })
})

describe('Retries', () => {
  it('puts messages off until it may handle them, and a first attempt always', () => {
    const retries = new Retries(2)
    expect(retries.handle(0, { attempt: 1 })).toBeDefined()
    expect(retries.handle(0, { attempt: 2 })).toBeDefined()
    retries.allow()
    expect(retries.handle(0, { attempt: 1 })).toBeDefined()
    expect(retries.handle(0, { attempt: 2 })).toBeUndefined()
    expect(retries.handle(0, { attempt: 3 })).toBeUndefined()
    expect([retries.seen, retries.handled, retries.duplicates]).toEqual([1, 1, 1])
  })
})

describe('judge', () => {
  const good: OutageReport = {
    broker: 'rabbit',
    how: 'stop',
    seconds: 60,
    offered: 100,
    refused: 40,
    refusedLate: 0,
    failed: {},
    confirmed: 60,
    arrived: 60,
    lost: 0,
    redAfterMs: 2000,
    greenAfterMs: 0,
    bufferMiB: 10,
    growthMiB: 20,
    creepMiB: 1,
    maxRssMiB: 120,
  }

  it.each<[string, Partial<OutageReport>, string[]]>([
    ['nothing wrong', {}, []],
    ['a buffer that never was full', { refused: 0, confirmed: 100 }, ['the buffer never was full: nothing was refused']],
    ['late refusals', { refusedLate: 2 }, ['2 of 40 refusals came late']],
    ['publishes that never settled', { confirmed: 59 }, ['1 publishes never settled']],
    ['other errors', { failed: { COMM_TIMEOUT: 3 }, confirmed: 57 }, ['3 publishes failed with COMM_TIMEOUT']],
    ['loss', { lost: 1 }, ['1 accepted messages never arrived']],
    ['health that stays green', { redAfterMs: null }, ['health was red never, not within 5000 ms']],
    ['health that is late', { greenAfterMs: 5001 }, ['health was green after 5001 ms, not within 5000 ms']],
    ['memory', { growthMiB: 75 }, ['memory grew by 75 MiB: more than 10 and 64 of slack']],
    ['memory that creeps', { creepMiB: 9 }, ['memory grew by 9 MiB after the buffer was full']],
  ])('%s', (_, change, failures) => {
    expect(judge({ ...good, ...change }).failures).toEqual(failures)
  })
})
