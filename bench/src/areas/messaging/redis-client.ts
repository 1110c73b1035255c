import { createClient } from 'redis'

/** A raw client. */
export async function openRedis(url: string | undefined) {
  const client = createClient({ url: String(url) })
  client.on('error', (error) => console.error(error))
  await client.connect()
  return client
}

export type Redis = Awaited<ReturnType<typeof openRedis>>
