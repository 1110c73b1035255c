import type { Setup } from '../../area.ts'

/** The operation loads the module named by the parameter `specifier`; it is cold only once per process. */
export const setup: Setup = ({ parameters }) => ({ op: () => import(String(parameters.specifier)) })
