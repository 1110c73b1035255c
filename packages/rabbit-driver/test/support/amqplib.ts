import { createRequire } from 'node:module'

/** Parts of amqplib that it does not export: the other side of what is written and read here. */
export const load: NodeJS.Require = createRequire(createRequire(import.meta.url).resolve('amqplib'))
