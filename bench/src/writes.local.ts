// counts socket writes per message
import net from 'node:net'
import { area } from './areas/messaging/area.ts'
import { measureTime } from './measure.ts'
const [name, only] = process.argv.slice(2)
const work = area.works.find((w) => w.name === name)!
const contenders = work.contenders.filter((c) => c.name === only)
const prepared = await area.prepare!(new AbortController().signal, [{ ...work, contenders }])
let writes = 0, chunks = 0, reads = 0
const p = net.Socket.prototype as any
for (const m of ['_writeGeneric']) { const o = p[m]; p[m] = function (writev: boolean, data: any, ...r: any[]) { writes++; chunks += writev ? data.length : 1; return o.call(this, writev, data, ...r) } }
const op = p.push; p.push = function (...a: any[]) { reads++; return op.apply(this, a) }
try {
  const c = contenders[0]!
  const { setup } = await import(c.module)
  const ready = await setup({ environment: prepared.environment, parameters: c.parameters, inFlight: work.inFlight })
  for (let i = 0; i < 6; i++) {
    const n = 5000
    await prepared.beforeRun!({ work, contender: c, operations: n })
    writes = chunks = reads = 0
    const s = await measureTime(ready, n, work.inFlight!)
    console.log(only, 'writes/op', (writes / n).toFixed(3), 'chunks/op', (chunks / n).toFixed(3), 'reads/op', (reads / n).toFixed(3), 'cpu', ((s.cpuMs * 1000) / n).toFixed(1), 'ms', s.elapsedMs.toFixed(0))
    await prepared.afterRun!({ work, contender: c, operations: n })
  }
  await ready.close?.()
} finally { await prepared.stop() }
process.exit()
