import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { CommunicationError } from '@comm/core'
import { breaking, lint } from './checks.ts'
import { fromSchema } from './from-schema/index.ts'
import { loadSchema } from './from-schema/load.ts'
import { generate, outdated } from './generate.ts'
import { ToolFailure } from './tool.ts'

const USAGE = `comm-proto COMMAND

  generate [FOLDER]             TypeScript of the .proto files in FOLDER (protos), for nice-grpc and @comm/grpc
    --out FOLDER                where to; it is emptied first (src/generated)
    --import-suffix SUFFIX      .js, or .ts where sources run as they are (.js)
    --check                     write nothing; fail when what is there differs
  lint [FOLDER]                 checks their style (buf's rules STANDARD, or those of FOLDER/buf.yaml)
  breaking [FOLDER]             finds changes that break who uses an earlier version
    --against WHERE             that version: a folder, or as buf has it '.git#branch=main,subdir=protos'
  from-schema FILE[#EXPORT]     a .proto of a JSON Schema, or of a Standard Schema that a module exports
    --package NAME              such as orders.v1
    --message NAME              of the message
    --out FILE                  where to (standard output); what is there keeps its field numbers
`

export interface Output {
  out(text: string): void
  error(text: string): void
}

class UsageError extends Error {}

/** Runs the command. Never throws. @returns the exit code: 0, 1 when something is wrong with what it was given, 2 for a wrong command line */
export async function run(args: readonly string[], { out, error }: Output): Promise<number> {
  try {
    return await execute(args, out)
  } catch (thrown) {
    if (thrown instanceof UsageError || (thrown as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
      error(`${(thrown as Error).message}\n\n${USAGE}`)
      return 2
    }
    const isExpected = thrown instanceof ToolFailure || thrown instanceof CommunicationError
    error(`${isExpected ? thrown.message : ((thrown as Error).stack ?? String(thrown))}\n`)
    return 1
  }
}

async function execute(args: readonly string[], out: Output['out']): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      'import-suffix': { type: 'string' },
      check: { type: 'boolean' },
      against: { type: 'string' },
      package: { type: 'string' },
      message: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [command, given, ...more] = positionals
  if (values.help) {
    out(USAGE)
    return 0
  }
  if (more.length > 0) throw new UsageError(`one folder or file is expected, got ${[given, ...more].join(' ')}`)
  const protos = given ?? 'protos'
  switch (command) {
    case 'generate': {
      const suffix = values['import-suffix'] as '.js' | '.ts' | undefined
      const options = { protos, out: values.out ?? 'src/generated', ...(suffix === undefined ? {} : { importSuffix: suffix }) }
      return values.check ? check(options, out) : write(options, out)
    }
    case 'lint':
      await lint(protos)
      return 0
    case 'breaking':
      if (values.against === undefined)
        throw new UsageError('breaking needs --against: a folder, or .git#branch=main,subdir=protos')
      await breaking(protos, values.against)
      return 0
    case 'from-schema':
      return schema(given, values, out)
    default:
      throw new UsageError(command === undefined ? 'a command is expected' : `there is no command '${command}'`)
  }
}

type Generate = Parameters<typeof generate>[0]

async function write(options: Generate, out: Output['out']): Promise<number> {
  const files = await generate(options)
  out(`${files.length} files in ${options.out}\n`)
  return 0
}

async function check(options: Generate, out: Output['out']): Promise<number> {
  const files = await outdated(options)
  if (files.length === 0) return 0
  out(
    `${options.out} is not what ${options.protos} generates; run comm-proto generate:\n${files.map((file) => `  ${file}\n`).join('')}`,
  )
  return 1
}

async function schema(
  source: string | undefined,
  values: { readonly package?: string | undefined; readonly message?: string | undefined; readonly out?: string | undefined },
  out: Output['out'],
): Promise<number> {
  const { package: packageName, message, out: file } = values
  if (source === undefined || packageName === undefined || message === undefined) {
    throw new UsageError('from-schema needs a file, --package and --message')
  }
  const before = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '')
  const text = fromSchema(await loadSchema(source), { package: packageName, message, before })
  if (file === undefined) out(text)
  else {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return 0
}
