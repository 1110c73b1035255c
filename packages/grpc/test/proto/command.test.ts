import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { run } from '../../src/proto/run.ts'

const ORDERS = `syntax = "proto3";

package orders.v1;

message Order {
  string order_id = 1;
  double amount = 2;
}
`

let folder: string
let protos: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'comm-proto-test-'))
  protos = join(folder, 'protos')
  file = join(protos, 'orders/v1/orders.proto')
  await mkdir(join(protos, 'orders/v1'), { recursive: true })
  await writeFile(file, ORDERS)
})
afterAll(() => rm(folder, { recursive: true }))

async function comm(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let out = ''
  let error = ''
  const code = await run(args, { out: (text) => (out += text), error: (text) => (error += text) })
  return { code, out, error }
}

describe('comm-proto', () => {
  it('generates, tells when that is out of date, and gives the same again', async () => {
    const out = join(folder, 'generated')
    expect(await comm('generate', protos, '--out', out, '--check')).toMatchObject({ code: 1 })
    expect(await comm('generate', protos, '--out', out)).toMatchObject({ code: 0, out: `2 files in ${out}\n` })
    expect(await comm('generate', protos, '--out', out, '--check')).toEqual({ code: 0, out: '', error: '' })
    await writeFile(join(out, 'left-over.ts'), '')
    expect((await comm('generate', protos, '--out', out, '--check')).out).toContain('  left-over.ts\n')
    const text = await readFile(join(out, 'orders/v1/orders.ts'), 'utf8')
    expect(text).toContain('export interface Order {')
    expect(text).not.toMatch(/\benum\b|\bnamespace\b/)
  }, 180_000)

  it('finds changes that break others', async () => {
    const before = join(folder, 'before')
    await cp(protos, before, { recursive: true })
    expect(await comm('breaking', protos, '--against', before)).toMatchObject({ code: 0 })
    await writeFile(file, ORDERS.replace('double amount = 2', 'string amount = 2'))
    const { code, error } = await comm('breaking', protos, '--against', before)
    await writeFile(file, ORDERS)
    expect(code).toBe(1)
    expect(error).toContain('changed type from "double" to "string"')
  }, 180_000)

  it('finds fault with style and with what is no proto', async () => {
    expect(await comm('lint', protos)).toMatchObject({ code: 0 })
    await writeFile(file, ORDERS.replace('order_id', 'orderId'))
    expect((await comm('lint', protos)).error).toContain('should be lower_snake_case')
    await writeFile(file, 'message {')
    expect(await comm('generate', protos, '--out', join(folder, 'nothing'))).toMatchObject({ code: 1 })
    await writeFile(file, ORDERS)
  }, 180_000)

  it('writes a .proto of a schema', async () => {
    const schema = join(folder, 'order.json')
    await writeFile(schema, JSON.stringify({ type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }))
    const { code, out } = await comm('from-schema', schema, '--package', 'orders.v1', '--message', 'Order')
    expect(code).toBe(0)
    expect(out).toContain('message Order {\n  string id = 1;\n}')
    const target = join(folder, 'made/order.proto')
    expect(await comm('from-schema', schema, '--package', 'orders.v1', '--message', 'Order', '--out', target)).toMatchObject({
      code: 0,
    })
    expect(await readFile(target, 'utf8')).toBe(out)
  })

  it.each<[string[], number, string]>([
    [[], 2, 'a command is expected'],
    [['make'], 2, "there is no command 'make'"],
    [['generate', '--fast'], 2, "Unknown option '--fast'"],
    [['generate', 'a', 'b'], 2, 'one folder or file is expected, got a b'],
    [['generate', 'a', '--import-suffix', '.mjs'], 1, "generate.importSuffix must be one of '.js', '.ts', got '.mjs'"],
    [['breaking'], 2, 'breaking needs --against'],
    [['from-schema', 'x.json'], 2, 'from-schema needs a file, --package and --message'],
    [['from-schema', '/nowhere.json', '--package', 'a', '--message', 'B'], 1, '/nowhere.json cannot be read: ENOENT'],
  ])('%j', async (args, code, message) => {
    const { code: got, error } = await comm(...args)
    expect(got).toBe(code)
    expect(error).toContain(message)
  })

  it('helps', async () => {
    expect((await comm('--help')).out).toMatch(/^comm-proto COMMAND/)
  })
})
