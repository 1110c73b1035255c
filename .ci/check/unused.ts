import { command } from './command.ts'
import type { KnipSummary } from './knip-reporter.ts'
import type { Part } from './part.ts'

export const unused: Part = {
  name: 'unused',
  failsWhen: 'a file, an export or a dependency is used by nobody',
  run: async (root) => {
    const reporter = './.ci/check/knip-reporter.ts'
    const { code, output } = await command('knip', ['--reporter', reporter, '--no-progress', '--no-config-hints'], { cwd: root })
    const line = output.split('\n').find((text) => text.startsWith('{"processed"'))
    if (line === undefined) throw new Error(`knip ended with code ${code} and no report:\n${output}`)
    const { processed, findings } = JSON.parse(line) as KnipSummary
    return { read: processed, unit: 'files', failures: findings }
  },
}
