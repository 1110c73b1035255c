import { describe, expect, it } from '@jest/globals'
import type { Area, Contender, Work } from '../src/area.ts'
import { runArea } from '../src/run-area.ts'

function toy(name: string, does: string): Contender {
  return { name, module: new URL('./toy.ts', import.meta.url).href, parameters: { does } }
}

function areaOf(work: Partial<Work>, stopped: string[] = []): Area {
  return {
    name: 'toy',
    packages: ['core'],
    prepare: async () => ({ environment: { word: 'hello' }, stop: async () => void stopped.push('stopped') }),
    works: [{ name: 'play', baseline: 'quick', contenders: [toy('quick', 'quick'), toy('busy', 'busy')], ...work }],
  }
}

const silent = { short: true, print: () => {} }

describe('a run of an area', () => {
  it('measures each contender in the shape of the report and stops what it prepared', async () => {
    const stopped: string[] = []
    const printed: string[] = []
    const { report, brokenLimits } = await runArea(areaOf({ bytes: true, inFlight: 5 }, stopped), {
      short: true,
      print: (text) => printed.push(text),
    })
    expect(report).toMatchObject({
      area: 'toy',
      cases: [
        {
          work: 'play',
          baseline: 'quick',
          inFlight: 5,
          rows: [{ contender: 'quick', ratioToBaseline: 1 }, { contender: 'busy' }],
        },
      ],
    })
    const [quick, busy] = report.cases[0]?.rows ?? []
    expect(busy?.ratioToBaseline).toBeGreaterThan(10)
    expect(busy?.nsPerOp).toBeGreaterThan(99_000)
    expect(quick?.bytesPerOp).toBeGreaterThan(24)
    expect(quick?.bytesPerOp).toBeLessThan(2000)
    expect(brokenLimits).toEqual([])
    expect(printed.join('\n')).toMatch(/contender +CPU +elapsed +per second +bytes +ratio\n {2}quick /)
    expect(stopped).toEqual(['stopped'])
  })

  it('measures a cold work in a new process each time', async () => {
    const { report } = await runArea(areaOf({ cold: true }), silent)
    expect(report.cases[0]?.rows).toHaveLength(2)
  })

  it.each([
    ['failing', /^broken failed at warmUp: Error: refused/],
    ['unfit', /^broken failed at setup: Error: it does something else/],
    ['dying', /^broken failed at warmUp: its process ended with 3/],
  ])('says who failed, at what and why: %s', async (does, message) => {
    const stopped: string[] = []
    const area = areaOf({ contenders: [toy('quick', 'quick'), toy('broken', does)] }, stopped)
    await expect(runArea(area, silent)).rejects.toThrow(message)
    expect(stopped).toEqual(['stopped'])
  })

  it('refuses the name of a work that the area does not have', async () => {
    await expect(runArea(areaOf({}), { ...silent, work: 'sleep' })).rejects.toThrow("area toy has no work 'sleep'; it has 'play'")
  })
})
