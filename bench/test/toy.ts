import type { Setup } from '../src/area.ts'

/** Does what its parameter says: `quick`, `busy` (about 100 µs), `failing`, `unfit` (does not verify), `dying`. */
export const setup: Setup = ({ parameters, environment }) => ({
  verify: async () => {
    if (parameters.does === 'unfit') throw new Error('it does something else')
    if (environment.word !== 'hello') throw new Error('the environment did not arrive')
  },
  op: async () => {
    if (parameters.does === 'failing') throw new Error('refused')
    if (parameters.does === 'dying') process.exit(3)
    if (parameters.does === 'busy') {
      const until = performance.now() + 0.1
      while (performance.now() < until);
    }
    return [1, 2, 3]
  },
})
