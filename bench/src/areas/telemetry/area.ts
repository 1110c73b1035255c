import type { Area, Contender, Environment, Limit, Prepared, Run, Work } from '@comm/bench/area'
import { area as grpc } from '../grpc/area.ts'
import { area as http } from '../http/area.ts'
import { area as messaging } from '../messaging/area.ts'
import type { Part, Sdk } from './part.ts'

/** Without an SDK our instrumentation may cost this share of what it observes. */
const AT_MOST_SHARE = 0.03
const BARE = 'not observed'
const OURS: Readonly<Record<Sdk, string>> = {
  none: '@comm, no SDK',
  '1 %': '@comm, 1 % sampled',
  all: '@comm, all sampled',
}
const WITHOUT_SDK = OURS.none

/** A contender of another area, which is what the part observes. */
function observed(area: Area, work: string, contender: string, name: string): Contender {
  const found = area.works.find((each) => each.name === work)?.contenders.find((each) => each.name === contender)
  if (found === undefined) throw new Error(`the area ${area.name} has no work '${work}' with ${contender}`)
  return { ...found, name }
}

function work(name: string, part: Part, whole: readonly Contender[], inFlight: number): Work {
  const module = import.meta.resolve('./instrumentation.ts')
  const limits = whole.map(({ name: of }): Limit => ({ contender: WITHOUT_SDK, over: BARE, atMostShare: AT_MOST_SHARE, of }))
  return {
    name,
    baseline: whole[0]?.name as string,
    inFlight,
    warmUpMs: 2000,
    contenders: [
      ...whole,
      { name: BARE, module, parameters: { part } },
      ...Object.entries(OURS).map(([sdk, ours]) => ({ name: ours, module, parameters: { part, sdk } })),
    ],
    limits,
  }
}

function messages(does: 'publish c=100' | 'consume'): readonly Contender[] {
  return [
    observed(messaging, `rabbit ${does}`, '@comm/messaging-rabbit', 'RabbitMQ'),
    observed(messaging, `kafka ${does}`, '@comm/messaging-kafka', 'Kafka'),
    observed(messaging, `streams ${does}`, '@comm/messaging-redis', 'Redis Streams'),
  ]
}

const REQUEST = observed(http, 'GET 200 B c=50', '@comm/http on undici', 'a request')
const CALL = observed(grpc, 'unary c=50, client', '@comm/grpc', 'a call')

/**
 * What our instrumentation costs by itself, beside the whole of what it observes, measured in the same run: a request of `bench http`, a
 * call of `bench grpc`, a message of `bench messaging`.
 */
export const area: Area = {
  name: 'telemetry',
  packages: ['core', 'grpc', 'http', 'messaging', 'telemetry'],
  works: [
    work('HTTP client', 'http-client', [REQUEST], 50),
    work('HTTP server', 'http-server', [REQUEST], 50),
    work('gRPC client', 'grpc-client', [CALL], 50),
    work('publish', 'publish', messages('publish c=100'), 100),
    work('consume', 'consume', messages('consume'), 100),
  ],
  async prepare(signal, works) {
    await using opened = new AsyncDisposableStack()
    const prepared: { readonly contenders: ReadonlySet<Contender>; readonly parts: Prepared }[] = []
    let environment: Environment = {}
    for (const [{ prepare }, names] of [
      [http, ['HTTP client', 'HTTP server']],
      [grpc, ['gRPC client']],
      [messaging, ['publish', 'consume']],
    ] as const) {
      const wanted = works.filter(({ name }) => names.some((each) => each === name))
      const theirs = wanted.map((each) => ({
        ...each,
        contenders: each.contenders.filter(({ parameters }) => !isPart(parameters)),
      }))
      const parts = theirs.length === 0 ? undefined : await prepare?.(signal, theirs)
      if (parts === undefined) continue
      opened.defer(() => parts.stop())
      environment = { ...environment, ...parts.environment }
      prepared.push({ contenders: new Set(theirs.flatMap(({ contenders }) => contenders)), parts })
    }
    const of = ({ contender }: Run): Prepared | undefined => prepared.find(({ contenders }) => contenders.has(contender))?.parts
    const resources = opened.move()
    return {
      environment,
      beforeRun: async (run) => of(run)?.beforeRun?.(run),
      afterRun: async (run) => of(run)?.afterRun?.(run),
      stop: () => resources.disposeAsync(),
    }
  },
}

function isPart(parameters: Contender['parameters']): boolean {
  return parameters !== undefined && 'part' in parameters
}
