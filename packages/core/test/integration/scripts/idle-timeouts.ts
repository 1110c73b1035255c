// Prints after how many milliseconds a process ends that has called under a timeout of a minute.
import { pipeline, retry, timeout } from '@comm/core'

const startedAt = performance.now()
process.on('exit', () => process.stdout.write(`${performance.now() - startedAt}\n`))

const patient = pipeline([timeout({ ms: 60_000 }), retry({ maxRetries: 1 }), timeout({ ms: 50_000 })])
await patient.run(async () => 'answer', undefined)
await patient.run(() => Promise.reject(new Error('no')), undefined).catch(() => {})
