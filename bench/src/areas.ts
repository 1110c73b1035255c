import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Area } from './area.ts'

const folder = join(import.meta.dirname, 'areas')

/** Names of all areas, sorted. */
export function areaNames(): readonly string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'area.ts')))
    .sort()
}

/** @throws Error when there is no such area, or its name is not its folder's */
export async function loadArea(name: string): Promise<Area> {
  if (!areaNames().includes(name)) throw new Error(`no area is named '${name}'; there are ${areaNames().join(', ')}`)
  const { area } = (await import(`./areas/${name}/area.ts`)) as { area: Area }
  if (area.name !== name) throw new Error(`the area in bench/src/areas/${name} calls itself '${area.name}'`)
  return area
}
