/** The fields of an answer as undici reads them: lower-case names, several fields of a name in an array. */
export type AnswerFields = Readonly<Record<string, string | string[] | undefined>>

/** RFC 9110 7.6.1: about the connection to the service. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** RFC 9110 6.5.1: they frame, address, authorize or explain the whole message, and are read before its body. */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...DROPPED,
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'trailer',
  'vary',
  'via',
  'www-authenticate',
])

/** Those that go on to the client, names and values in turn; what a Connection field names stays here. */
export function fieldsForClient(received: AnswerFields): string[] {
  const fields: string[] = []
  const { connection } = received
  const named =
    connection === undefined || connection === 'keep-alive' || connection === 'close' ? undefined : optionsOf(connection)
  for (const name in received) {
    if (DROPPED.has(name) || named?.has(name)) continue
    const value = received[name]
    if (typeof value === 'string') fields.push(name, value)
    else if (value !== undefined) for (const each of value) fields.push(name, each)
  }
  return fields
}

/** Trailers that go on to the client, names and values in turn. */
export function trailersForClient(received: AnswerFields): string[] {
  return fieldsForClient(Object.fromEntries(Object.entries(received).filter(([name]) => !NO_TRAILERS.has(name))))
}

/** Trailers are announced only where some can follow: Node refuses to do it elsewhere. @param fields of the answer, as they are sent */
export function withoutTrailer(fields: string[], canFollow: boolean): void {
  let [trailerAt, hasLength] = [-1, false]
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === 'trailer') trailerAt = at
    else if (fields[at] === 'content-length') hasLength = true
  }
  if (trailerAt >= 0 && (hasLength || !canFollow)) dropField(fields, 'trailer')
}

/** Says a field once, in place of what a service says under this name. @param name in lower case */
export function setField(fields: string[], name: string, value: string): void {
  dropField(fields, name)
  fields.push(name, value)
}

function dropField(fields: string[], name: string): void {
  for (let at = fields.length - 2; at >= 0; at -= 2) if (fields[at] === name) fields.splice(at, 2)
}

function optionsOf(connection: string | string[]): ReadonlySet<string> {
  const options = String(connection).toLowerCase().split(',')
  return new Set(
    options.map((option) => option.trim()).filter((option) => option !== 'content-length' && option !== 'set-cookie'),
  )
}
