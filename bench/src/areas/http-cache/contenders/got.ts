import type { Setup } from '@comm/bench/area'
import got from 'got'

/** A hit of got's cache. */
export const setup: Setup = ({ environment }) => {
  // Each hit adds a listener to its cache, which warns of that; this process says nothing else.
  console.warn = () => undefined
  const client = got.extend({ cache: new Map(), retry: { limit: 0 } })
  const get = () => client.get(`${environment['url']}/fresh`)
  return {
    verify: async () => {
      await get()
      const answer = await get()
      if (!answer.isFromCache || answer.body.length !== 200) throw new Error('got did not answer from its cache')
    },
    op: async () => (await get()).body,
  }
}
