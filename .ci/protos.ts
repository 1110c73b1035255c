// `pnpm protos`: generates anew what is committed of the workspace's .proto files. `pnpm check protos` tells when that was forgotten.
import { join } from 'node:path'
import { command } from './check/command.ts'
import { generateArguments, PROTOS } from './check/protos.ts'

for (const each of PROTOS) {
  const { code, output } = await command(process.execPath, generateArguments(each), { cwd: join(import.meta.dirname, '..') })
  process.stdout.write(output)
  if (code !== 0) process.exitCode = 1
}
