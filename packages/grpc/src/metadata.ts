import { describeValue, object, type Rule } from '@comm/core/options'
import { Metadata } from '@grpc/grpc-js'

export type MetadataValue = string | Uint8Array

/**
 * Metadata as users write it: by key, a text, or bytes where the key ends in `-bin`, or several. nice-grpc's `Metadata` is taken as well.
 */
export type MetadataInput =
  | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>
  | Iterable<readonly [key: string, values: readonly MetadataValue[]]>

/** Whatever the protocol itself sends; user metadata with such a key is refused. */
const RESERVED = /^(?::|grpc-(?:timeout|encoding|accept-encoding|status|message)$|te$|content-type$)/i

/** Adds to `target`. @throws Error for a key or a value that cannot be sent; it never shows the value */
export function addMetadata(target: Metadata, input: MetadataInput): void {
  const entries = isIterable(input) ? input : Object.entries(input)
  for (const [key, value] of entries) {
    const values: readonly MetadataValue[] = Array.isArray(value) ? value : [value as MetadataValue]
    for (const each of values) add(target, key, each)
  }
}

function add(target: Metadata, key: string, value: MetadataValue): void {
  try {
    target.add(key, typeof value === 'string' ? value : Buffer.from(value))
  } catch {
    // The error of grpc-js repeats the value.
    throw new Error(
      `metadata ${describeValue(key)} must be a key of letters, digits, '.', '_' and '-' with printable ASCII text, or with bytes where it ends in '-bin'`,
    )
  }
}

function isIterable(input: MetadataInput): input is Iterable<readonly [string, readonly MetadataValue[]]> {
  return typeof (input as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

export const someMetadata: Rule = {
  expected: "an object of texts, or of bytes for keys that end in '-bin', without keys of the protocol such as 'grpc-timeout'",
  accepts: (value) => {
    if (!object.accepts(value)) return false
    const probe = new Metadata()
    try {
      addMetadata(probe, value as MetadataInput)
    } catch {
      return false
    }
    return Object.keys(probe.toJSON()).every((key) => !RESERVED.test(key))
  },
}

/** The first text under a key. */
export function textOf(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}
