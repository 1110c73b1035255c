import { command } from './command.ts'
import type { Part } from './part.ts'

/** One round of each area, without limits, so that no bench rots. */
export const benches: Part = {
  name: 'bench',
  failsWhen: 'a contender of a bench cannot do its work any more',
  afterTypes: true,
  run: async (root) => {
    const listed = await command(process.execPath, ['bench/src/main.ts', '--list'], { cwd: root })
    const areas = listed.output.split('\n').filter((line) => /^\S/.test(line))
    if (listed.code !== 0) return { read: 0, unit: 'areas', failures: [`bench/src/areas: ${listed.output.trim()}`] }
    const failures: string[] = []
    for (const area of areas) {
      const { code, output } = await command(process.execPath, ['bench/src/main.ts', area, '--short'], { cwd: root })
      if (code !== 0) failures.push(`bench/src/areas/${area}/area.ts: ${output.trim()}`)
    }
    return { read: areas.length, unit: 'areas', failures }
  },
}
