import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { describeValue, type Rule } from '@comm/core/options'
import { FormDataEncoder, isFile, isFormData } from 'form-data-encoder'
import { refuse } from './refuse.ts'

export const formData: Rule = { expected: 'a FormData', accepts: isFormData }

export interface EncodedMultipart {
  /** Each attempt reads the files anew. */
  readonly body: () => Readable
  readonly bodyBytes: number
  readonly contentType: string
}

/** A form as multipart/form-data (RFC 7578), as it is now; its files are read when they are sent. @throws ConfigurationError */
export function encodeMultipart(form: FormData): EncodedMultipart {
  if (!isFormData(form)) refuse('request.multipart', formData.expected, describeValue(form))
  const encoder = new FormDataEncoder(form, `comm-${randomUUID()}`)
  return {
    body: () => Readable.from(pieces(encoder), { objectMode: false }),
    bodyBytes: Number(encoder.contentLength),
    contentType: encoder.contentType,
  }
}

async function* pieces(encoder: FormDataEncoder): AsyncGenerator<Uint8Array> {
  for (const part of encoder.values()) {
    if (isFile(part)) yield* part.stream() as AsyncIterable<Uint8Array>
    else yield part as Uint8Array
  }
}
