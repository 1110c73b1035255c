import type { Ready, SetupInput } from '@comm/bench/area'

/** A gateway that listens at a URL, as a contender: its requests come from the harness's process. */
export function underLoad(
  { environment, parameters, inFlight }: SetupInput,
  url: string,
  more: Pick<Ready, 'close' | 'otherCpuMs'> = {},
): Ready {
  const ask = async (operations: number): Promise<void> => {
    const query = new URLSearchParams({
      url,
      demand: String(parameters.demand),
      operations: String(operations),
      inFlight: String(inFlight),
    })
    const answer = await fetch(`${environment.control}/load?${query}`)
    const text = await answer.text()
    if (!answer.ok) throw new Error(text)
  }
  return {
    verify: () => ask(1),
    async run(operations, stopwatch) {
      stopwatch.start()
      await ask(operations)
      stopwatch.stop()
    },
    ...more,
  }
}

/** Where a path of the gateway leads at the service. */
export const PREFIX = '/api/v1'

export const ISSUER = 'https://identity.example.com'
export const AUDIENCE = 'users'
