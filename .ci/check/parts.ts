import { adapters } from './adapters.ts'
import { benches } from './benches.ts'
import { cycles } from './cycles.ts'
import { direction } from './direction.ts'
import { links } from './links.ts'
import { lint } from './lint.ts'
import { options } from './options.ts'
import { packages } from './packages.ts'
import type { Part } from './part.ts'
import { protos } from './protos.ts'
import { snippets } from './snippets.ts'
import { types } from './types.ts'
import { unused } from './unused.ts'

/** In the order in which they are begun and reported. */
export const PARTS: readonly Part[] = [
  types,
  lint,
  cycles,
  direction,
  adapters,
  unused,
  packages,
  protos,
  options,
  links,
  snippets,
  benches,
]
