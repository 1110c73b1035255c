import { command } from './command.ts'
import type { Part } from './part.ts'

/** Folders with `.proto` files, and where the TypeScript that they generate is committed. */
export const PROTOS: readonly { readonly protos: string; readonly out: string }[] = [
  { protos: 'protos', out: 'protos/generated' },
  { protos: 'packages/grpc/protos', out: 'packages/grpc/src/generated' },
  { protos: 'packages/grpc/test/protos', out: 'packages/grpc/test/generated' },
  { protos: 'bench/src/areas/grpc/protos', out: 'bench/src/areas/grpc/generated' },
]

const COMM_PROTO: readonly string[] = ['--conditions=@comm/source', 'packages/grpc/src/proto/main.ts']

export function generateArguments({ protos, out }: (typeof PROTOS)[number]): readonly string[] {
  return [...COMM_PROTO, 'generate', protos, '--out', out, '--import-suffix', '.ts']
}

/** What is generated is committed, so that nothing has to be built first; it must be what the `.proto` files say. */
export const protos: Part = {
  name: 'protos',
  failsWhen: 'generated TypeScript differs from its .proto files, or those of protos/ break a rule of style',
  run: async (root) => {
    const failures: string[] = []
    const check = async (what: string, args: readonly string[]): Promise<void> => {
      const { code, output } = await command(process.execPath, args, { cwd: root })
      if (code !== 0) failures.push(`${what}: ${output.trim()}`)
    }
    for (const each of PROTOS) await check(each.out, [...generateArguments(each), '--check'])
    await check('protos', [...COMM_PROTO, 'lint', 'protos'])
    return { read: PROTOS.length, unit: 'folders', failures }
  },
}
