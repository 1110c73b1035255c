import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EnhancedHttpClient, gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { SOON } from './balancing/support.ts'
import { failureOf, type LocalServer, localServer } from './support/local-server.ts'

interface Upload {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
}

/** Keeps what it is sent, and breaks off so many attempts after it has read them. */
async function uploads(broken = 0): Promise<LocalServer & { readonly seen: Upload[] }> {
  const seen: Upload[] = []
  const server = await localServer((request, response) => {
    const chunks: Uint8Array[] = []
    request.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    request.once('end', () => {
      seen.push({ headers: request.headers, bytes: Buffer.concat(chunks) })
      if (seen.length <= broken) request.socket.resetAndDestroy()
      else response.end('done')
    })
  })
  return Object.assign(server, { seen })
}

/** As the platform reads it, which is not what has written it. */
function parsed({ headers, bytes }: Upload): Promise<FormData> {
  return new Response(new Uint8Array(bytes), { headers: { 'content-type': String(headers['content-type']) } }).formData()
}

/** More than one chunk of a stream, and no two alike. */
const LARGE = Buffer.from(Array.from({ length: 60_000 }, (_, at) => `${at};`).join(''))

function formOf(...files: readonly (readonly [name: string, file: Blob, fileName?: string])[]): FormData {
  const form = new FormData()
  form.append('note', 'Grüße, "quoted"')
  form.append('note', 'the second')
  for (const [name, file, fileName = 'blob'] of files) form.append(name, file, fileName)
  return form
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('a form with files over %s', (_library, make) => {
  it('arrives as the platform reads it, with its length', async () => {
    await using server = await uploads()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const picture = new Blob([LARGE], { type: 'image/png' })
    await client.post('/', { multipart: formOf(['picture', picture, 'über "us".png'], ['empty', new Blob([])]) })
    const [upload] = server.seen as [Upload]
    expect(upload.headers['content-length']).toBe(String(upload.bytes.byteLength))
    expect(upload.headers['transfer-encoding']).toBeUndefined()
    const form = await parsed(upload)
    expect(form.getAll('note')).toEqual(['Grüße, "quoted"', 'the second'])
    const sent = form.get('picture') as File
    expect([sent.name, sent.type]).toEqual(['über "us".png', 'image/png'])
    expect(LARGE.equals(Buffer.from(await sent.arrayBuffer()))).toBe(true)
    expect((form.get('empty') as File).size).toBe(0)
  })

  it('is read anew for another attempt, a file of the disk too, as the form was at the call', async () => {
    await using server = await uploads(1)
    const folder = await mkdtemp(join(tmpdir(), 'multipart-'))
    try {
      const path = join(folder, 'large.txt')
      await writeFile(path, LARGE)
      await using transport = make()
      await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON })
      const form = formOf(['large', await openAsBlob(path), 'large.txt'])
      const call = client.put('/', { multipart: form })
      form.append('late', 'comes too late')
      expect((await call).attempts).toBe(2)
      const [first, second] = server.seen as [Upload, Upload]
      expect(second.headers['content-type']).toBe(first.headers['content-type'])
      expect(second.bytes.equals(first.bytes)).toBe(true)
      const sent = (await parsed(second)).get('large') as File
      expect(LARGE.equals(Buffer.from(await sent.arrayBuffer()))).toBe(true)
      expect((await parsed(second)).has('late')).toBe(false)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('tells its progress to the last byte', async () => {
    await using server = await uploads()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const told: { readonly bytes: number; readonly totalBytes: number | undefined }[] = []
    await client.post('/', {
      multipart: formOf(['large', new Blob([LARGE])]),
      onUploadProgress: (progress) => told.push(progress),
    })
    const totalBytes = server.seen[0]?.bytes.byteLength
    expect(told[0]).toEqual({ bytes: 0, totalBytes })
    expect(told.at(-1)).toEqual({ bytes: totalBytes, totalBytes })
  })

  it('takes the place of a body in an interceptor', async () => {
    await using server = await uploads()
    await using transport = make()
    const interceptors = { request: [() => ({ multipart: formOf() })] }
    await using client = new HttpClient({ baseUrl: server.url, transport, interceptors })
    await client.post('/', { json: { replaced: true } })
    expect((await parsed(server.seen[0] as Upload)).getAll('note')).toHaveLength(2)
  })

  it('whose file changes after it was opened is an error that says what could not be read', async () => {
    await using server = await uploads()
    const folder = await mkdtemp(join(tmpdir(), 'multipart-'))
    try {
      const path = join(folder, 'changed.txt')
      await writeFile(path, 'as it was opened')
      const form = formOf(['file', await openAsBlob(path)])
      await writeFile(path, 'longer than when it was opened')
      await using transport = make()
      await using client = new HttpClient({ baseUrl: server.url, transport })
      expect(String(await failureOf(client.post('/', { multipart: form })))).toMatch(/body could not be read/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
