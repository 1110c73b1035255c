import { readFile } from 'node:fs/promises'
import { ConfigurationError } from '@comm/core'
import { type JsonSchema, jsonSchemaOf, loadExport } from '@comm/core/schema'

/**
 * Reads a schema: a JSON file, or an export of a module, `schemas.ts#order` (`default` when no name is given), that is JSON Schema itself or a
 * Standard Schema with JSON Schema output (Zod 4, ArkType, Valibot with its converter).
 * @throws ConfigurationError
 */
export async function loadSchema(source: string): Promise<JsonSchema> {
  const [file = ''] = source.split('#')
  return jsonSchemaOf(source, file.endsWith('.json') ? parse(file, await read(file)) : await loadExport(source))
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ConfigurationError(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  })
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigurationError(`${file} is no JSON: ${(cause as Error).message}`, { cause })
  }
}
