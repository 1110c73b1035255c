import type { Setup } from '@comm/bench/area'
import { Agent, interceptors, request } from 'undici'

/** A hit of undici's own cache. */
export const setup: Setup = ({ environment }) => {
  const agent = new Agent()
  const dispatcher = agent.compose(interceptors.cache())
  const get = async (): Promise<readonly [string, boolean]> => {
    const { headers, body } = await request(`${environment['url']}/fresh`, { dispatcher })
    return [await body.text(), headers['age'] !== undefined]
  }
  return {
    verify: async () => {
      await get()
      const [text, isHit] = await get()
      if (!isHit || text.length !== 200) throw new Error('undici did not answer from its cache')
    },
    op: get,
    close: () => agent.close(),
  }
}
