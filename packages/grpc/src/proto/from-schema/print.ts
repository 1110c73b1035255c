import type { Enum, Field, Message, ProtoFile } from './model.ts'
import { protoJsonName } from './names.ts'
import { type Numbered, type Numbers, numbered } from './numbers.ts'

/** The text of a `.proto` file. @param before numbers that were given already */
export function print(file: ProtoFile, before: ReadonlyMap<string, Numbers>): string {
  const imports = [...file.imports].sort().map((path) => `import "${path}";\n`)
  const parts = [
    'syntax = "proto3";\n',
    `// Written by comm-proto from-schema. Numbers of fields are kept when it is written again.\npackage ${file.package};\n`,
    ...(imports.length === 0 ? [] : [imports.join('')]),
    ...file.messages.map((message) => printMessage(message, before.get(message.name))),
    ...file.enums.map((each) => printEnum(each, before.get(each.name))),
  ]
  return parts.join('\n')
}

function printMessage({ name, comment, fields }: Message, before: Numbers | undefined): string {
  const numbers = numbered(
    before,
    fields.map((field) => field.name),
    1,
  )
  const lines = [...reservedLine(numbers)]
  for (const [at, field] of fields.entries()) {
    const { oneof } = field
    const isFirst = oneof !== undefined && fields[at - 1]?.oneof !== oneof
    const isLast = oneof !== undefined && fields[at + 1]?.oneof !== oneof
    if (isFirst) lines.push(`  oneof ${oneof} {`)
    lines.push(...fieldLines(field, numbers, oneof === undefined ? '  ' : '    '))
    if (isLast) lines.push('  }')
  }
  return `${commentLines(comment, '')
    .map((line) => `${line}\n`)
    .join('')}message ${name} {\n${lines.map((line) => `${line}\n`).join('')}}\n`
}

function fieldLines({ name, jsonName, comment, type, label }: Field, numbers: Numbered, indent: string): readonly string[] {
  const option = protoJsonName(name) === jsonName || name === jsonName ? '' : ` [json_name = ${JSON.stringify(jsonName)}]`
  return [
    ...commentLines(comment, indent),
    `${indent}${label === '' ? '' : `${label} `}${type} ${name} = ${numbers.number(name)}${option};`,
  ]
}

function printEnum({ name, values }: Enum, before: Numbers | undefined): string {
  const numbers = numbered(before, values, 0)
  const lines = [...reservedLine(numbers), ...values.map((value) => `  ${value} = ${numbers.number(value)};`)]
  return `enum ${name} {\n${lines.map((line) => `${line}\n`).join('')}}\n`
}

function reservedLine({ reserved }: Numbered): readonly string[] {
  return reserved.length === 0 ? [] : [`  reserved ${reserved.join(', ')};`]
}

function commentLines(comment: string | undefined, indent: string): readonly string[] {
  return comment === undefined ? [] : comment.split('\n').map((line) => `${indent}// ${line}`.trimEnd())
}
