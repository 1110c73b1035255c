import { type Clock, CommunicationError, ConfigurationError, type Principal, systemClock } from '@comm/core'
import {
  arrayOf,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  type Rule,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { Authenticator } from '../gate/authenticator.ts'
import { refused, undecided } from '../refusal.ts'
import { hashOf, newKeyText, parseKeyText } from './key-text.ts'
import { hasHash } from './same-hash.ts'
import type { ApiKeyRecord, ApiKeyStore } from './store.ts'

export interface ApiKeysOptions {
  readonly store: ApiKeyStore
  /** What keys begin with: up to 16 letters and digits. @default 'comm' */
  readonly prefix?: string
  /** The header that callers send it in. @default 'x-api-key' */
  readonly header?: string
  /** @default systemClock */
  readonly clock?: Clock
}

export const API_KEY_DEFAULTS: Readonly<Required<Omit<ApiKeysOptions, 'store'>>> = Object.freeze({
  prefix: 'comm',
  header: 'x-api-key',
  clock: systemClock,
})

export interface NewApiKey {
  readonly subject: string
  /** @default [] */
  readonly scopes?: readonly string[]
  /** @default [] */
  readonly roles?: readonly string[]
  /** How long it holds. @default without end */
  readonly expiresInMs?: number
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A key that was just made: the only time that its text is known. */
export interface IssuedApiKey {
  readonly text: string
  readonly record: ApiKeyRecord
}

export interface ApiKeys extends Authenticator {
  readonly method: 'api-key'
  issue(key: NewApiKey): Promise<IssuedApiKey>
  /**
   * A new key for the same caller. The old one holds on for a while, so that its owner can change over.
   * @param overlapMs @default 86400000 (a day)
   * @throws ConfigurationError when there is no such key, or it has expired
   */
  rotate(id: string, overlapMs?: number): Promise<IssuedApiKey>
  /** Refused from now on. @returns whether there was one */
  revoke(id: string): Promise<boolean>
  /** @throws AuthenticationError; ServiceUnavailableError when the store cannot be asked */
  verify(text: string): Promise<Principal>
}

const prefixRule: Rule = {
  expected: 'up to 16 letters and digits, a letter first',
  accepts: (value) => typeof value === 'string' && /^[A-Za-z][A-Za-z0-9]{0,15}$/.test(value),
}
const A_DAY_MS = 86_400_000
/** Compared with when there is no such key, so that this takes as long. */
const NOBODY: ApiKeyRecord = { id: '', hash: hashOf(''), subject: '', scopes: [], roles: [], createdAt: 0 }

/** API keys: made, verified, rotated and revoked here; only their hashes are kept. @throws ConfigurationError */
export function apiKeys(options: ApiKeysOptions): ApiKeys {
  checkOptions<ApiKeysOptions>('apiKeys', options, {
    store: required(withMethods('an ApiKeyStore', 'find', 'put', 'remove')),
    prefix: prefixRule,
    header: nonEmptyText,
    clock: withMethods('a Clock', 'wall'),
  })
  const { clock, header, prefix, store } = withDefaults(API_KEY_DEFAULTS, options)
  const headerName = header.toLowerCase()

  return {
    method: 'api-key',
    async authenticate(credentials) {
      const text = credentials.header(headerName)
      return text === undefined ? undefined : verify(text)
    },
    verify,
    async issue(key) {
      checkOptions<NewApiKey>('apiKeys.issue', key, {
        subject: required(nonEmptyText),
        scopes: arrayOf(nonEmptyText),
        roles: arrayOf(nonEmptyText),
        expiresInMs: number({ above: 0 }),
        metadata: object,
      })
      const { subject, scopes = [], roles = [], expiresInMs, metadata } = key
      return make({ subject, scopes, roles, ...(metadata === undefined ? {} : { metadata }) }, expiresInMs)
    },
    async rotate(id, overlapMs = A_DAY_MS) {
      checkArgument('apiKeys.rotate overlapMs', overlapMs, number({ min: 0 }))
      const old = await store.find(id)
      const now = clock.wall()
      if (old === undefined || isOver(old, now)) {
        throw new ConfigurationError(`API key ${id} cannot be rotated: ${old === undefined ? 'there is none' : 'it has expired'}`)
      }
      const { subject, scopes, roles, metadata, expiresAt } = old
      const restMs = expiresAt === undefined ? undefined : expiresAt - old.createdAt
      const issued = await make({ subject, scopes, roles, ...(metadata === undefined ? {} : { metadata }) }, restMs)
      await store.put({
        ...old,
        expiresAt: Math.min(now + overlapMs, expiresAt ?? Number.POSITIVE_INFINITY),
        rotatedTo: issued.record.id,
      })
      return issued
    },
    async revoke(id) {
      return store.remove(id)
    },
  }

  async function make(
    owner: Pick<ApiKeyRecord, 'subject' | 'scopes' | 'roles' | 'metadata'>,
    expiresInMs: number | undefined,
  ): Promise<IssuedApiKey> {
    const { id, secret, text } = newKeyText(prefix)
    const createdAt = clock.wall()
    const end = expiresInMs === undefined ? {} : { expiresAt: createdAt + expiresInMs }
    const record: ApiKeyRecord = { id, hash: hashOf(secret), ...owner, createdAt, ...end }
    await store.put(record)
    return { text, record }
  }

  async function verify(text: string): Promise<Principal> {
    const parsed = typeof text === 'string' ? parseKeyText(prefix, text) : undefined
    if (parsed === undefined) throw refused('malformed', `it is no API key that begins with ${prefix}_`, 'COMM_AUTHENTICATION')
    const found = await find(parsed.id)
    const isRight = hasHash(parsed.secret, (found ?? NOBODY).hash)
    if (found === undefined) throw refused('unknown-key', `there is no API key ${parsed.id}`, 'COMM_AUTHENTICATION')
    if (!isRight) throw refused('signature', `the secret of API key ${parsed.id} is not the right one`, 'COMM_AUTHENTICATION')
    if (isOver(found, clock.wall())) {
      const instead = found.rotatedTo === undefined ? '' : `, and ${found.rotatedTo} has taken its place`
      throw refused('expired', `API key ${found.id} has expired${instead}`, 'COMM_AUTHENTICATION')
    }
    return principalOf(found)
  }

  async function find(id: string): Promise<ApiKeyRecord | undefined> {
    try {
      return await store.find(id)
    } catch (thrown) {
      throw undecided('the store of API keys cannot be asked', CommunicationError.from(thrown))
    }
  }
}

function isOver({ expiresAt }: ApiKeyRecord, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}

function principalOf({ id, subject, scopes, roles, metadata, expiresAt }: ApiKeyRecord): Principal {
  return {
    subject,
    method: 'api-key',
    scopes,
    roles,
    attributes: { ...metadata, keyId: id },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}
