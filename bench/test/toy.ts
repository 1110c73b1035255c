import { appendFileSync } from 'node:fs'
import type { Ready, Setup } from '../src/area.ts'

/**
 * Does what its parameter says: `quick`, `busy` (about 100 µs), `failing`, `unfit` (does not verify), `dying`; and by itself `sandwich`
 * (busy once an operation, one of which comes before the start, and between much that is not measured) and `forgetful` (never starts its stopwatch). Writes a character into
 * the file `processes` of the environment, if there is one.
 */
export const setup: Setup = ({ parameters, environment }): Ready => {
  const does = String(parameters.does)
  if (environment.processes !== undefined) appendFileSync(environment.processes, does.slice(0, 1))
  const verify = async (): Promise<void> => {
    if (does === 'unfit') throw new Error('it does something else')
    if (environment.word !== 'hello') throw new Error('the environment did not arrive')
  }
  if (does === 'forgetful') return { verify, run: async () => {} }
  if (does === 'sandwich') {
    return {
      verify,
      run: async (operations, stopwatch) => {
        spin(40)
        spin(0.1)
        stopwatch.start()
        for (let done = 1; done < operations; done++) spin(0.1)
        stopwatch.stop(operations - 1)
        spin(40)
      },
    }
  }
  return { verify, op: () => operation(does) }
}

async function operation(does: string): Promise<unknown> {
  if (does === 'failing') throw new Error('refused')
  if (does === 'dying') process.exit(3)
  if (does === 'busy') spin(0.1)
  return [1, 2, 3]
}

function spin(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
