import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromSchema, generate, lint } from '@comm/grpc/proto'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'

const order = z.object({
  orderId: z.string().describe('Unique.'),
  amount: z.number(),
  quantity: z.int().min(0).max(1000),
  views: z.int(),
  state: z.enum(['open', 'paid-in-full']),
  lines: z.array(z.object({ article: z.string(), price: z.number().optional() })),
  labels: z.record(z.string(), z.string()),
  placedAt: z.iso.datetime(),
  note: z.string().nullable(),
  paid: z.boolean().optional(),
  extra: z.unknown(),
})

const PROTO = `syntax = "proto3";

// Written by comm-proto from-schema. Numbers of fields are kept when it is written again.
package orders.v1;

import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";

message Order {
  // Unique.
  string order_id = 1;
  double amount = 2;
  int32 quantity = 3;
  int64 views = 4;
  OrderState state = 5;
  repeated OrderLines lines = 6;
  map<string, string> labels = 7;
  google.protobuf.Timestamp placed_at = 8;
  optional string note = 9;
  optional bool paid = 10;
  google.protobuf.Value extra = 11;
}

message OrderLines {
  string article = 1;
  optional double price = 2;
}

enum OrderState {
  ORDER_STATE_UNSPECIFIED = 0;
  ORDER_STATE_OPEN = 1;
  ORDER_STATE_PAID_IN_FULL = 2;
}
`

const names = { package: 'orders.v1', message: 'Order' }

describe('fromSchema', () => {
  it('writes the messages of a Standard Schema', () => {
    expect(fromSchema(order, names)).toBe(PROTO)
  })

  it('writes what buf takes, compiles and finds in style', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'comm-from-schema-'))
    const protos = join(folder, 'protos')
    await mkdir(join(protos, 'orders/v1'), { recursive: true })
    await writeFile(join(protos, 'orders/v1/orders.proto'), fromSchema(order, names))
    await lint(protos)
    expect(await generate({ protos, out: join(folder, 'out') })).toContain('orders/v1/orders.ts')
    await rm(folder, { recursive: true })
  }, 180_000)

  it('keeps the numbers that were given, and gives none of them again', () => {
    const first = fromSchema(z.object({ a: z.string(), b: z.string(), c: z.enum(['x', 'y']) }), names)
    const second = fromSchema(z.object({ c: z.enum(['y', 'z']), d: z.string(), a: z.string() }), { ...names, before: first })
    expect(second).toContain('message Order {\n  reserved 2;\n  OrderC c = 3;\n  string d = 4;\n  string a = 1;\n}')
    expect(second).toContain('enum OrderC {\n  reserved 1;\n  ORDER_C_UNSPECIFIED = 0;\n  ORDER_C_Y = 2;\n  ORDER_C_Z = 3;\n}')
    const third = fromSchema(z.object({ b: z.string(), e: z.string() }), { ...names, before: second })
    expect(third).toContain('message Order {\n  reserved 1, 2, 3, 4;\n  string b = 5;\n  string e = 6;\n}')
  })

  it('follows references, also of a type to itself, and merges allOf', () => {
    const schema = {
      $defs: {
        node: { type: 'object', properties: { value: { type: 'string' }, next: { $ref: '#/$defs/node' } }, required: ['value'] },
        id: { type: 'string' },
      },
      allOf: [
        { properties: { id: { $ref: '#/$defs/id' } }, required: ['id'] },
        { properties: { first: { $ref: '#/$defs/node' } } },
      ],
    }
    const text = fromSchema(schema, { ...names, message: 'linked list' })
    expect(text).toContain('message LinkedList {\n  string id = 1;\n  optional Node first = 2;\n}')
    expect(text).toContain('message Node {\n  string value = 1;\n  optional Node next = 2;\n}')
  })

  it('writes alternatives as a oneof', () => {
    const schema = {
      type: 'object',
      properties: {
        by: { oneOf: [{ type: 'object', title: 'Card', properties: { number: { type: 'string' } } }, { type: 'string' }] },
        'odd name!': { type: 'boolean' },
      },
      required: ['odd name!'],
    }
    const text = fromSchema(schema, names)
    expect(text).toContain('  oneof by {\n    OrderByCard by_card = 1;\n    string by_string = 2;\n  }')
    expect(text).toContain('  bool odd_name = 3 [json_name = "odd name!"];')
  })

  it.each<[string, unknown, string]>([
    ['no object', { type: 'string' }, 'the schema at # must be an object at its top, since a message is one'],
    [
      'an array of arrays',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'array', items: { type: 'string' } } } } },
      'the schema at #/properties/a/items must be no array and no map itself; put it into an object',
    ],
    [
      'two types at once',
      { type: 'object', properties: { a: { type: ['string', 'number'] } } },
      'the schema at #/properties/a must have one type, got string, number',
    ],
    [
      'a reference to elsewhere',
      { type: 'object', properties: { a: { $ref: 'other.json#/x' } } },
      "the schema at #/properties/a must refer to a part of the same schema, got $ref 'other.json#/x'",
    ],
    [
      'a reference in a circle',
      { type: 'object', $defs: { a: { $ref: '#/$defs/a' } }, properties: { a: { $ref: '#/$defs/a' } } },
      'the schema at #/$defs/a must not refer to itself without an object in between',
    ],
    ['something else', 7, 'the schema must be JSON Schema, or a Standard Schema with JSON Schema output, got number'],
  ])('refuses %s', (_what, schema, message) => {
    expect(() => fromSchema(schema, names)).toThrow(message)
  })

  it('refuses a package that is none', () => {
    expect(() => fromSchema({}, { ...names, package: 'Orders V1' })).toThrow(
      "fromSchema.package must be a package such as 'orders.v1', got 'Orders V1'",
    )
  })
})
