// A contender's process: answers the harness's requests, one at a time, and ends with it.
import type { Ready, Setup } from './area.ts'
import { measureBytes, measureTime } from './measure.ts'
import { Profile } from './profile.ts'
import type { Answer, Answers, Request } from './protocol.ts'

const profile = new Profile()
let ready: Ready | undefined
let inFlight = 1

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  if (request.ask === 'setup') {
    const { setup } = (await import(request.module)) as { setup: Setup }
    inFlight = request.input.inFlight
    ready = await setup(request.input)
    await ready.verify?.()
    return null
  }
  if (ready === undefined) throw new Error(`asked for ${request.ask} before setup`)
  switch (request.ask) {
    case 'time':
      return measureTime(ready, request.operations, request.inFlight)
    case 'bytes':
      return measureBytes(ready, inFlight)
    case 'startProfile':
      await profile.start()
      return null
    case 'writeProfile':
      await profile.write(request.file)
      return null
    case 'close':
      await ready.close?.()
      return null
  }
}

process.on('message', async (request: Request) => {
  let reply: Answer
  try {
    reply = { value: await answer(request) }
  } catch (error) {
    reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  process.send?.(reply)
})
process.on('disconnect', () => process.exit())
