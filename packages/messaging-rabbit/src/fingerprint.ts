import { createHash } from 'node:crypto'

const CHARACTERS = 22

/** The same again for the same content, and for no other: a name for a message that has none. */
export function fingerprint(about: unknown, body: Uint8Array): string {
  return createHash('sha256').update(JSON.stringify(about)).update(body).digest('base64url').slice(0, CHARACTERS)
}
