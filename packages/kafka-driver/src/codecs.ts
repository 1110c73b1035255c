import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { ConfigurationError } from '@comm/core'
import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs'

import type { Compression } from './options.ts'

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

/** Lets kafkajs read and write what is installed. @throws ConfigurationError COMM_PACKAGE_MISSING when the wanted one is not */
export async function loadCodecs(wanted: Compression): Promise<void> {
  loading ??= load()
  await loading
  try {
    CODECS[COMPRESSION[wanted]]?.()
  } catch (cause) {
    throw new ConfigurationError(missingCodec(`the compression ${wanted} needs`, cause), { code: 'COMM_PACKAGE_MISSING', cause })
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
      () => undefined,
    )
    if (typeof codec === 'function') CODECS[COMPRESSION[compression]] = makerOf(codec as Exported)
  }
}

type Exported = (new () => { readonly codec: () => unknown }) & (() => unknown)

/** kafkajs-snappy is what makes the codec, kafkajs-lz4 the class of an object that has that. */
function makerOf(exported: Exported): () => unknown {
  return exported.prototype !== undefined && 'codec' in exported.prototype ? new exported().codec : exported
}

const compressed = promisify<Buffer, Buffer>(zstdCompress)
const decompressed = promisify<Buffer, Buffer>(zstdDecompress)

const ZSTD: Codec = {
  compress: ({ buffer }) => compressed(buffer),
  decompress: (buffer) => decompressed(buffer),
}
