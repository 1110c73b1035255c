import { readFile } from 'node:fs/promises'
import { ConfigurationError } from '@comm/core'
import type { TlsOptions } from '@comm/core/tls'

/** Where the API server is, and how it is spoken to. */
export interface Cluster {
  readonly server: string
  readonly namespace: string
  readonly tls: TlsOptions
  /**
   * Asked before every request, because tokens are rotated; undefined: none is sent.
   * @param refused the one that the server did not take: another is wanted
   */
  token(refused?: string): Promise<string | undefined>
}

/** @param what names the file in messages */
export function tokenFrom(
  what: string,
  { token, tokenFile }: { readonly token?: string; readonly tokenFile?: string },
): () => Promise<string | undefined> {
  if (token !== undefined || tokenFile === undefined) return async () => token
  return () => readText(what, tokenFile)
}

/** @throws ConfigurationError */
export async function readText(what: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new ConfigurationError(`${what} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
