import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConfigurationError } from '@comm/core'
import { object } from '@comm/core/options'
import { parse } from 'yaml'
import { checkFileSettings, type GatewayFileConfig, splitFileConfig } from './gateway-options.ts'
import { type ConfigParts, ofRoutes, putParts, tlsOf } from './parts.ts'
import { Problems } from './problems.ts'
import { resolveConfig } from './resolve.ts'
import { camelCased } from './spelling.ts'

/** Names of files that a file may have in place of what is in them. */
const DOCUMENTS = ['validate', 'openapi', 'document'] as const
const DESCRIPTORS = ['grpc', 'descriptors'] as const

/**
 * A configuration in YAML or JSON, for `createGateway` and `reload`. Keys may be in camel or in snake case.
 * @param source names it in messages
 * @param parts what `{ use: name }` in it stands for
 * @throws ConfigurationError with every problem at once, each with its key
 */
export function parseGatewayConfig(
  text: string,
  source = 'the configuration of the gateway',
  parts: ConfigParts = {},
): GatewayFileConfig {
  return checked(camelCased(parsed(text, source)), parts, new Problems())
}

/** The same from a file, and the files that it names, from its folder. @throws ConfigurationError */
export async function readGatewayConfig(file: string, parts: ConfigParts = {}): Promise<GatewayFileConfig> {
  return (await readConfigFiles(file, parts)).config
}

export interface ReadConfig {
  readonly config: GatewayFileConfig
  /** Everything that was read. */
  readonly contents: readonly Buffer[]
}

/** @throws ConfigurationError */
export async function readConfigFiles(file: string, parts: ConfigParts): Promise<ReadConfig> {
  const own = await contentsOf(file)
  const contents = [own]
  const config = camelCased(parsed(own.toString('utf8'), file))
  const problems = new Problems()
  const put = async (path: readonly string[], read: (content: Buffer, name: string) => unknown): Promise<void> => {
    for (const { key, holder, name } of ofRoutes(config, path)) {
      const named = holder[name]
      if (typeof named !== 'string') continue
      try {
        const content = await contentsOf(resolve(dirname(file), named))
        contents.push(content)
        holder[name] = read(content, named)
      } catch (thrown) {
        problems.note(key, (thrown as Error).message, 'the name of a file that can be read')
      }
    }
  }
  await put(DOCUMENTS, (content, name) => parsed(content.toString('utf8'), name))
  await put(DESCRIPTORS, (content) => new Uint8Array(content))
  for (const tls of tlsOf(config)) fromFolder(dirname(file), tls)
  return { config: checked(config, parts, problems), contents }
}

function checked(config: unknown, parts: ConfigParts, problems: Problems): GatewayFileConfig {
  putParts(config, parts, problems)
  if (object.accepts(config)) {
    const { config: own, settings } = splitFileConfig(config as GatewayFileConfig)
    problems.attempt(() => checkFileSettings(settings))
    problems.attempt(() => resolveConfig(own))
  } else problems.add('gateway', config, 'an object with services')
  problems.throwIfAny('gateway')
  return config as GatewayFileConfig
}

function parsed(text: string, source: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 }) as unknown
  } catch (cause) {
    throw new ConfigurationError(`${source} is no YAML: ${(cause as Error).message}`, { cause })
  }
}

/** Wherever certificates are named; TLS looks at these files itself, again and again. */
function fromFolder(folder: string, tls: Record<string, unknown>): void {
  for (const name of ['caFile', 'certFile', 'keyFile']) if (typeof tls[name] === 'string') tls[name] = resolve(folder, tls[name])
}

async function contentsOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new ConfigurationError(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
