import { command } from './command.ts'
import type { Part } from './part.ts'

/** What users would install: the manifest is right (publint) and its types resolve (attw). */
export const packages: Part = {
  name: 'packages',
  failsWhen: 'publint or attw finds fault with what a package would publish',
  afterTypes: true,
  run: async (root) => {
    const args = [
      'run',
      'pack:check',
      '--filter=./packages/*',
      '--continue',
      '--output-logs=errors-only',
      '--log-order=grouped',
      '--ui=stream',
    ]
    const { code, output } = await command('turbo', args, { cwd: root })
    const total = Number(/^\s*Tasks:\s+\d+ successful, (\d+) total$/m.exec(output)?.[1] ?? 0)
    return { read: total, unit: 'tasks', failures: code === 0 ? [] : [...findings(output)] }
  },
}

/** turbo prefixes each line with `package:task: `; what it says of itself is left out, and compiler errors belong to the part `types`. */
function findings(output: string): readonly string[] {
  const found = output.split('\n').filter((line) => /^\S+:pack:check: \S/.test(line) && !line.includes('cache miss'))
  const unbuilt = [...output.matchAll(/^(\S+)#build: +ERROR/gm)].map(([, name]) => `${name}: cannot be built, see the part types`)
  return found.length + unbuilt.length > 0 ? [...found, ...unbuilt] : [output.trim()]
}
