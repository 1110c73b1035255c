import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * An API key as its owner has it: `comm_<id>_<secret><checksum>`. The id is public, so that a store finds the record without looking at
 * every key; the secret is 256 random bits; the checksum lets typing errors, and guesses, fail before anything is asked.
 */
export interface KeyText {
  readonly id: string
  readonly secret: string
}

const ID_BYTES = 9
const SECRET_BYTES = 32
const CHECKSUM_LENGTH = 8

const FORM = /^([A-Za-z][A-Za-z0-9]{0,15})_([0-9a-f]{18})_([0-9a-f]{64})([0-9a-f]{8})$/

/** @param prefix tells keys of one service, or environment, from others */
export function newKeyText(prefix: string): KeyText & { readonly text: string } {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('hex')
  return { id, secret, text: `${prefix}_${id}_${secret}${checksum(prefix, id, secret)}` }
}

/** @returns undefined when it cannot be a key with this prefix */
export function parseKeyText(prefix: string, text: string): KeyText | undefined {
  const match = text.length <= 128 ? FORM.exec(text) : null
  if (match === null) return undefined
  const [, found = '', id = '', secret = '', sum] = match
  return found === prefix && sum === checksum(prefix, id, secret) ? { id, secret } : undefined
}

function checksum(prefix: string, id: string, secret: string): string {
  return crc32(`${prefix}_${id}_${secret}`).toString(16).padStart(CHECKSUM_LENGTH, '0')
}

/** What is kept of a secret. It is random and long, so a plain hash cannot be searched backwards, and needs no slow function. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
