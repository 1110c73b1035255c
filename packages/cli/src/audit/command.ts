import { readFileSync } from 'node:fs'
import { CommunicationError, ConfigurationError } from '@comm/core'
import type { AuditHead, VerifyOptions } from '@comm/logging'
import { type Command, InvalidArgumentError } from 'commander'
import type { Bind, Invocation } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'

interface VerifyArguments {
  readonly json?: true
  readonly keyFile?: string
  readonly head?: AuditHead
}

export function addAuditCommands(program: Command, bind: Bind): void {
  const audit = program.command('audit').description('look after audit trails')
  const command = audit
    .command('verify <file>')
    .description('check that nothing of an audit trail was changed, taken out or put in')
    .option('--key-file <path>', 'the key that the trail was written with, as text; a line break at its end does not count')
    .option('--head <seq:hash>', 'the last record as it was noted elsewhere: finds what was cut off the end', parseHead)
    .option('--json', 'one JSON document')
    .addHelpText('after', '\nIt ends with 1 when the trail is not what was written.')
  bind(command, verify)
}

async function verify(invocation: Invocation, file = ''): Promise<number> {
  const { terminal } = invocation
  const { json, keyFile, head } = invocation.options<VerifyArguments>()
  const options: VerifyOptions = {
    ...(keyFile === undefined ? {} : { key: readKey(keyFile) }),
    ...(head === undefined ? {} : { head }),
  }
  const { verifyAuditTrail } = await loadLogging()
  const found = await verifyAuditTrail(file, options).catch((thrown: unknown) => {
    if (thrown instanceof ConfigurationError) throw thrown
    throw new UsageError(`the audit trail cannot be read: ${CommunicationError.from(thrown).message}`)
  })
  const { intact, records, torn, broken } = found
  if (json) await terminal.print(JSON.stringify(found))
  else {
    const where = broken === undefined ? '' : `; line ${broken.line}: ${broken.reason}`
    await terminal.print(`${intact ? 'intact' : 'BROKEN'}: ${records} records${torn > 0 ? `, ${torn} torn lines` : ''}${where}`)
    await terminal.print(`head ${found.head.seq}:${found.head.hash}`)
  }
  return intact ? 0 : 1
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (thrown) {
    throw new UsageError(`the key cannot be read from ${JSON.stringify(path)}: ${CommunicationError.from(thrown).message}`)
  }
}

async function loadLogging(): Promise<typeof import('@comm/logging')> {
  try {
    return await import('@comm/logging')
  } catch (cause) {
    throw new ConfigurationError('@comm/logging is needed by comm audit and is not installed; run: npm install @comm/logging', {
      code: 'COMM_PACKAGE_MISSING',
      cause,
      details: { package: '@comm/logging' },
    })
  }
}

function parseHead(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('It must be a number, a colon and 64 hexadecimal digits.')
  return { seq: Number(seq), hash }
}
