import { command } from './command.ts'
import type { Part } from './part.ts'

export const lint: Part = {
  name: 'lint',
  failsWhen: 'biome would change a file or warns of one',
  run: async (root) => {
    const { code, output } = await command('biome', ['check', '--error-on-warnings', '--max-diagnostics=none', '.'], {
      cwd: root,
    })
    return {
      read: Number(/^Checked (\d+) files?/m.exec(output)?.[1] ?? 0),
      unit: 'files',
      failures: code === 0 ? [] : [output.trim()],
    }
  },
}
