import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { ConfigurationError } from '@comm/core'
import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs'
import type { Compression } from './options.ts'
import { corrupt } from './wire/cursor.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

export const COMPRESSION: Readonly<Record<Compression, CompressionType>> = Object.freeze({
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
})

/** What kafkajs wants of a codec. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

/** By `CompressionTypes`; the types of kafkajs do not know `None`. */
const CODECS: Partial<Record<CompressionType, () => unknown>> = CompressionCodecs

/** gzip is in kafkajs, zstd in Node; these are packages of others. */
const PACKAGES: readonly (readonly [Compression, string])[] = [
  ['snappy', 'kafkajs-snappy'],
  ['lz4', 'kafkajs-lz4'],
]

let loading: Promise<void> | undefined
/** Why a package that is installed cannot be used. */
const broken = new Map<Compression, unknown>()

/** Lets kafkajs read and write what is installed. @throws ConfigurationError COMM_PACKAGE_MISSING when the wanted one is not */
export async function loadCodecs(wanted: Compression): Promise<void> {
  loading ??= load()
  await loading
  const why = broken.get(wanted)
  if (why !== undefined) {
    const text = `the compression ${wanted} needs a package that is installed and cannot be loaded: ${String((why as Error).message)}`
    throw new ConfigurationError(text, { code: 'COMM_PACKAGE_MISSING', cause: why })
  }
  try {
    CODECS[COMPRESSION[wanted]]?.()
  } catch (cause) {
    throw new ConfigurationError(missingCodec(`the compression ${wanted} needs`, cause), { code: 'COMM_PACKAGE_MISSING', cause })
  }
}

/**
 * @param codec a `CompressionTypes`, as it is in the attributes of a batch
 * @throws ConsumeError when it cannot be unpacked; what kafkajs throws where the codec is not installed
 */
export async function unpack(codec: number, bytes: Buffer): Promise<Buffer> {
  const { decompress } = (CODECS[codec as CompressionType]?.() as Codec | undefined) ?? {}
  if (decompress === undefined) throw corrupt(`a batch compressed by the unknown codec ${codec}`)
  try {
    return await decompress(bytes)
  } catch (thrown) {
    throw corrupt(`a compressed batch: ${(thrown as Error).message}`)
  }
}

/** @param what such as `a compressed record needs`; `thrown`: what kafkajs says, which names the codec */
export function missingCodec(what: string, thrown: unknown): string {
  const name = PACKAGES.find(([compression]) =>
    String((thrown as Error).message)
      .toLowerCase()
      .includes(compression),
  )?.[1]
  return `${what} the package ${name ?? PACKAGES.map(([, each]) => each).join(' or ')}. Install it: npm install ${name ?? '<package>'}`
}

async function load(): Promise<void> {
  CODECS[CompressionTypes.ZSTD] = () => ZSTD
  for (const [compression, name] of PACKAGES) {
    const codec: unknown = await import(name).then(
      (module: { readonly default: unknown }) => module.default,
      (thrown: unknown) => {
        if (!isMissing(thrown, name)) broken.set(compression, thrown)
      },
    )
    if (typeof codec === 'function') CODECS[COMPRESSION[compression]] = makerOf(codec as Exported)
  }
}

function isMissing(thrown: unknown, name: string): boolean {
  const { code, message } = thrown as { readonly code?: string; readonly message?: string }
  return /MODULE_NOT_FOUND$/.test(code ?? '') && message?.includes(name) === true
}

type Exported = (new () => { readonly codec?: () => unknown }) & (() => unknown)

/** kafkajs-snappy is what makes the codec (and an arrow function, so without a prototype), kafkajs-lz4 the class of an object that has that. */
export function makerOf(exported: Exported): () => unknown {
  return (exported.prototype === undefined ? undefined : new exported().codec) ?? exported
}

const compressed = promisify<Buffer, Buffer>(zstdCompress)
const decompressed = promisify<Buffer, Buffer>(zstdDecompress)

const ZSTD: Codec = {
  compress: ({ buffer }) => compressed(buffer),
  decompress: (buffer) => decompressed(buffer),
}
