import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Area, Contender, Prepared, Run, Work } from '../src/area.ts'
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

/** An area that notes its runs, and at the first check says what is wrong. */
function watched(wrong?: string): { readonly area: Area; readonly seen: string[] } {
  const seen: string[] = []
  const textOf = ({ work, contender, operations }: Run): string => `${work.name} ${contender.name} ${operations}`
  const prepare = async (): Promise<Prepared> => ({
    environment: { word: 'hello' },
    beforeRun: async (run) => void seen.push(textOf(run)),
    afterRun: async (run) => {
      seen.push(`after${textOf(run)}`)
      if (wrong !== undefined) throw new Error(wrong)
    },
    stop: async () => {},
  })
  return { area: { ...areaOf({}), prepare }, seen }
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

  it('does not measure what a runner does before the start and after the stop of its stopwatch', async () => {
    const { report } = await runArea(areaOf({ contenders: [toy('quick', 'quick'), toy('sandwich', 'sandwich')] }), silent)
    const sandwich = report.cases[0]?.rows[1]
    expect(sandwich?.nsPerOp).toBeGreaterThan(99_000)
    expect(sandwich?.cpuUsPerOp).toBeLessThan(300)
  })

  it('prepares and checks each run, warm-up included', async () => {
    const { area, seen } = watched()
    await runArea(area, silent)
    expect(seen.filter((_, at) => at % 2 === 1)).toEqual(seen.filter((_, at) => at % 2 === 0).map((text) => `after${text}`))
    expect(new Set(seen.map((text) => text.replace(/^after|\d+$/g, '')))).toEqual(new Set(['play quick ', 'play busy ']))
    expect(seen.length).toBeGreaterThanOrEqual(8)
  })

  it('fails with what the check after a run says', async () => {
    const { area } = watched('nothing arrived')
    await expect(runArea(area, silent)).rejects.toThrow('nothing arrived')
  })

  it('tells the preparation which works it is for', async () => {
    const names: string[] = []
    const area: Area = {
      ...areaOf({}),
      works: [...areaOf({}).works, ...areaOf({ name: 'rest' }).works],
      prepare: async (_signal, works) => {
        names.push(...works.map(({ name }) => name))
        return { environment: { word: 'hello' }, stop: async () => {} }
      },
    }
    await runArea(area, { ...silent, work: 'rest' })
    expect(names).toEqual(['rest'])
  })

  it('starts as many processes of each contender as its work says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'))
    const processes = join(folder, 'processes')
    const prepare = async (): Promise<Prepared> => ({ environment: { word: 'hello', processes }, stop: async () => {} })
    const area = { ...areaOf({ processes: 3, rounds: 2, warmUpMs: 10, roundMs: 10 }), prepare }
    const printed: string[] = []
    const { report } = await runArea(area, { short: false, print: (text) => printed.push(text) })
    const started = readFileSync(processes, 'utf8').split('').sort().join('')
    rmSync(folder, { recursive: true })
    expect(started).toBe('bbbqqq')
    expect(report.cases[0]).toMatchObject({ processes: 3, rounds: 2, rows: [{ contender: 'quick' }, { contender: 'busy' }] })
    expect(report.cases[0]?.rows[1]?.nsPerOp).toBeGreaterThan(99_000)
    expect(printed[0]).toContain('3 processes each, 2 rounds')
  })

  it('profiles the rounds of each contender', async () => {
    const profiles = mkdtempSync(join(tmpdir(), 'bench-'))
    await runArea(areaOf({}), { ...silent, profiles })
    const files = readdirSync(profiles).sort()
    expect(files).toEqual(['play-busy.cpuprofile', 'play-quick.cpuprofile'])
    const text = readFileSync(join(profiles, 'play-busy.cpuprofile'), 'utf8')
    rmSync(profiles, { recursive: true })
    expect(text).toContain('"functionName":"spin"')
  })

  it('measures a cold work in a new process each time', async () => {
    const { report } = await runArea(areaOf({ cold: true }), silent)
    expect(report.cases[0]?.rows).toHaveLength(2)
  })

  it.each([
    ['failing', /^broken failed at time: Error: refused/],
    ['unfit', /^broken failed at setup: Error: it does something else/],
    ['dying', /^broken failed at time: its process ended with 3/],
    ['forgetful', /^broken failed at time: Error: the run did not start and stop its stopwatch/],
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
