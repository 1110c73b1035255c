import type { JsonWebKey } from 'node:crypto'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'

export const ISSUER = 'https://identity.test'
export const AUDIENCE = 'orders'

export const rsa: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
})
export const ec: typeof rsa = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const otherRsa: typeof rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

export function publicJwk(key: KeyObject, kid: string): JsonWebKey & { kid: string } {
  return { ...key.export({ format: 'jwk' }), kid, use: 'sig' } as JsonWebKey & { kid: string }
}

export interface TokenOptions {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: KeyObject | Uint8Array
}

/** Seconds since the epoch. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

/** A good token of RS256, with what is given in place of what is usual; a claim that is undefined is left out. */
export function token({ claims = {}, header = {}, key = rsa.privateKey }: TokenOptions = {}): Promise<string> {
  const usual = { iss: ISSUER, aud: AUDIENCE, sub: 'billing', iat: inSeconds(0), exp: inSeconds(300), scope: 'orders:read' }
  const given = Object.fromEntries(Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined))
  return new SignJWT(given).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key)
}

/** Signs texts as they are, duplicate members and all. */
export async function rawToken(headerText: string, claimsText: string, key: KeyObject = rsa.privateKey): Promise<string> {
  const { sign } = await import('node:crypto')
  const input = [headerText, claimsText].map((text) => Buffer.from(text).toString('base64url')).join('.')
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}
