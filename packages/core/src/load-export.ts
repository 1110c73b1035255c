import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError } from './errors/errors.ts'

/** The exports of a module, relative to the working directory. @throws ConfigurationError when it cannot be loaded */
export async function loadModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  return import(pathToFileURL(resolve(file)).href).catch((cause: unknown) => {
    throw new ConfigurationError(`${file} cannot be loaded: ${(cause as Error).message}`, { cause })
  })
}

/**
 * An export of a module, named as `schemas.ts#order`; `default` when no name is given.
 * @throws ConfigurationError when there is no such module or export
 */
export async function loadExport(source: string): Promise<unknown> {
  const [file = '', name = 'default'] = source.split('#')
  const loaded = await loadModule(file)
  if (name in loaded) return loaded[name]
  throw new ConfigurationError(`${file} has no export '${name}'; it has ${Object.keys(loaded).join(', ') || 'none'}`)
}
