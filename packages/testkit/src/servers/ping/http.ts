import type { Endpoint } from '../process/wait-until-ready.ts'

/** @throws Error unless the answer is JSON with status 200 */
export async function getJson(
  { host, port }: Endpoint,
  path: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const response = await fetch(`http://${host}:${port}${path}`, { signal, headers: { connection: 'close', ...headers } })
  const body = await response.text()
  if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}: ${body.trim()}`)
  return JSON.parse(body)
}
