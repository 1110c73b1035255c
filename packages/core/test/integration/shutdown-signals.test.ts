import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Lifecycle, stopOnSignals } from '@comm/core'
import { describe, expect, it, jest } from '@jest/globals'

/** Runs a lifecycle with one component in a process of its own; the process says `up` once its handlers are on. */
function run(component: string, options = '{}'): { readonly child: ChildProcess; readonly output: () => string } {
  const program = `
    import { Lifecycle, stopOnSignals } from '@comm/core'
    const lifecycle = new Lifecycle({ stopBudgetMs: 400 })
    lifecycle.add({ name: 'work', ...${component} })
    stopOnSignals(lifecycle, ${options})
    await lifecycle.start()
    setInterval(() => {}, 1000)
    console.log('up')`
  const child = spawn(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return { child, output: () => text }
}

async function said(child: ChildProcess, output: () => string, word: string): Promise<void> {
  while (!output().includes(word)) {
    if (child.exitCode !== null) throw new Error(`the process ended before it said ${word}: ${output()}`)
    await once(child.stdout as NodeJS.EventEmitter, 'data')
  }
}

/** Processes take their time on a busy machine. */
jest.setTimeout(30_000)

describe('stopOnSignals', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with code 0 after a clean stop on %s', async (signal) => {
    const { child, output } = run(
      `{ close: () => console.log('closed') }`,
      `{ onStopped: (r) => console.log(r.problems.length) }`,
    )
    await said(child, output, 'up')
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([0, null])
    expect(output()).toBe('up\nclosed\n0\n')
  })

  it('ends with code 1 when something blocked, within the budget', async () => {
    const { child, output } = run(
      `{ drain: () => new Promise(() => {}) }`,
      `{ onStopped: (r) => console.log(r.problems[0].error.message) }`,
    )
    await said(child, output, 'up')
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([1, null])
    expect(output()).toMatch(/work drain did not end within \d+ ms/)
  })

  it('waits for onStopped, and ends with code 1 when it fails', async () => {
    const waits = run('{}', `{ onStopped: async () => { await new Promise((r) => setTimeout(r, 20)); console.log('waited') } }`)
    await said(waits.child, waits.output, 'up')
    waits.child.kill('SIGTERM')
    expect(await once(waits.child, 'close')).toEqual([0, null])
    expect(waits.output()).toContain('waited')
    const fails = run(
      '{}',
      `{ signals: ['SIGUSR2'], onStopped: async () => { process.removeAllListeners('warning'); throw new Error('x') } }`,
    )
    await said(fails.child, fails.output, 'up')
    fails.child.kill('SIGUSR2')
    expect(await once(fails.child, 'close')).toEqual([1, null])
  })

  it('ends at once on a second signal', async () => {
    const { child, output } = run(`{ stopIntake: () => { console.log('stopping'); return new Promise(() => {}) } }`)
    await said(child, output, 'up')
    child.kill('SIGTERM')
    await said(child, output, 'stopping')
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([null, 'SIGTERM'])
  })

  it('takes its handlers off when disposed', () => {
    const before = process.listenerCount('SIGUSR2')
    const handlers = stopOnSignals(new Lifecycle(), { signals: ['SIGUSR2'] })
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1)
    handlers[Symbol.dispose]()
    expect(process.listenerCount('SIGUSR2')).toBe(before)
  })
})
