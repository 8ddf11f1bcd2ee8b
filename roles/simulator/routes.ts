import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { formatInstant, parseInstant } from '@gridtally/metering'
import { type Instant, toHex } from '@gridtally/wire'
import { type Static, type TUnsafe, Type } from 'typebox'
import { Problem } from '#platform/http'
import type { SimulatorConfig } from './config.ts'
import { FAULT_KINDS, type Fault, type FaultKind } from './faults.ts'
import type { Fleet, FleetDevice } from './fleet.ts'
import { CLIENTS, makeShipment, SERVER } from './shipment.ts'

const MeterId = Type.String({ minLength: 1, maxLength: 32 })

const kindOf = <K extends FaultKind>(kinds: readonly K[]): TUnsafe<K> => Type.Unsafe<K>({ type: 'string', enum: kinds })

const FaultView = Type.Object({
  kind: kindOf(FAULT_KINDS),
  origin: Type.Union([Type.Literal('plan'), Type.Literal('set')]),
  from: Type.Union([Type.String(), Type.Null()], { description: 'null: from the beginning' }),
  to: Type.Union([Type.String(), Type.Null()], { description: 'null: it lasts' }),
  latencyMs: Type.Optional(Type.Integer()),
  octetsPerSecond: Type.Optional(Type.Integer()),
  jumpSeconds: Type.Optional(Type.Integer()),
  of: Type.Optional(Type.String()),
})

const FleetView = Type.Object({
  size: Type.Integer(),
  seed: Type.Integer(),
  basePort: Type.Integer(),
  meters: Type.Array(
    Type.Object({
      meterId: Type.String(),
      systemTitle: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      client: Type.Integer({ description: 'wPort of the management client' }),
      server: Type.Integer(),
      archetype: Type.String(),
      periodMinutes: Type.Integer(),
      columns: Type.Array(Type.String()),
      model: Type.String(),
      firmware: Type.String(),
      usagePointId: Type.Union([Type.String(), Type.Null()]),
      address: Type.String(),
      faults: Type.Array(FaultView),
    }),
  ),
})

const RegistersView = Type.Object({ at: Type.String(), importWh: Type.Integer(), exportWh: Type.Integer() })

const TruthView = Type.Object({
  meterId: Type.String(),
  periodMinutes: Type.Integer(),
  columns: Type.Array(Type.String()),
  registers: Type.Object(
    { from: RegistersView, to: RegistersView },
    { description: 'When the meter’s clock showed these times' },
  ),
  rows: Type.Array(
    Type.Object({ at: Type.String(), status: Type.Integer(), importWh: Type.Integer(), exportWh: Type.Integer() }),
    { description: 'What the load profile holds, stamped by the meter’s clock' },
  ),
})

const FaultOrder = Type.Object(
  {
    meterId: MeterId,
    kind: kindOf(FAULT_KINDS.filter((kind) => kind !== 'clone')),
    on: Type.Boolean(),
    latencyMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    octetsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    jumpSeconds: Type.Optional(Type.Integer({ minimum: -86_400, maximum: 86_400 })),
  },
  { additionalProperties: false },
)

/** Longest stretch `/truth` answers for at once. */
const LONGEST_TRUTH_MS = 40 * 86_400_000

/** What the HTTP face needs. */
export interface SimulatorPorts {
  readonly fleet: Fleet
  readonly config: SimulatorConfig
  readonly now: () => Instant
}

const faultView = (fault: Fault): Static<typeof FaultView> => ({
  ...fault,
  from: fault.from === 0 ? null : formatInstant(fault.from),
  to: fault.to === null ? null : formatInstant(fault.to),
})

/** HTTP face of the simulator: who is there, the shipment, what the meters truly measured, faults on and off. */
export const simulatorRoutes =
  ({ fleet, config, now }: SimulatorPorts): FastifyPluginCallbackTypebox =>
  (app, _options, done) => {
    const indexOf = (meterId: string): number => {
      const index = fleet.indexOf(meterId)
      if (index === undefined) throw new Problem('METER_UNKNOWN', `no meter ${meterId} in this fleet`)
      return index
    }
    const instant = (text: string): Instant => {
      try {
        return parseInstant(text, config.zone)
      } catch (cause) {
        throw new Problem('REQUEST_INVALID', (cause as Error).message, {}, { cause })
      }
    }
    const view = (device: FleetDevice): Static<typeof FleetView>['meters'][number] => ({
      meterId: device.serial,
      systemTitle: toHex(device.systemTitle),
      host: config.meterHost,
      port: device.port,
      client: CLIENTS.management.id,
      server: SERVER,
      archetype: device.archetype,
      periodMinutes: device.kind.periodMinutes,
      columns: [...device.kind.columns],
      model: device.kind.model,
      firmware: device.kind.firmware,
      usagePointId: device.index <= config.meters ? device.usagePointId : null,
      address: device.address,
      faults: device.faults.map(faultView),
    })

    const description = 'Meters without faults must agree with the platform to the last unit.'
    app.get(
      '/fleet',
      { schema: { summary: 'The simulated meters and their faults', description, response: { 200: FleetView } } },
      async () => ({
        size: fleet.size,
        seed: config.seed,
        basePort: fleet.basePort,
        meters: Array.from({ length: fleet.size }, (_, i) => view(fleet.device(i + 1))),
      }),
    )
    app.get(
      '/shipment',
      {
        schema: {
          summary: 'The shipment file, with keys',
          description: 'See docs/shipment-file.md. For the head-end and for integrators; keep it as you keep keys.',
        },
      },
      async (_request, reply) => {
        reply.header('cache-control', 'no-store')
        return makeShipment(fleet, config, now())
      },
    )
    app.get(
      '/truth/:meterId',
      {
        schema: {
          summary: 'What a meter truly measured',
          params: Type.Object({ meterId: MeterId }),
          querystring: Type.Object({ from: Type.String(), to: Type.String() }),
          response: { 200: TruthView },
        },
      },
      async (request) => {
        const meter = fleet.meter(indexOf(request.params.meterId))
        const [from, to] = [instant(request.query.from), instant(request.query.to)]
        if (to < from || to - from > LONGEST_TRUTH_MS)
          throw new Problem('RANGE_INVALID', 'from must not be after to, and at most 40 days before it')
        const registers = (at: Instant): { at: string; importWh: number; exportWh: number } => ({
          at: formatInstant(at),
          ...meter.registersShownAt(at),
        })
        return {
          meterId: meter.serial,
          periodMinutes: meter.kind.periodMinutes,
          columns: [...meter.kind.columns],
          registers: { from: registers(from), to: registers(to) },
          rows: meter.rows(from, to).map(({ stamp, ...row }) => ({ at: formatInstant(stamp), ...row })),
        }
      },
    )
    app.post(
      '/faults',
      {
        schema: {
          summary: 'Switch a fault of a meter on or off',
          description: 'Planned faults cannot be switched off one by one; start the fleet perfect instead.',
          body: FaultOrder,
          response: { 200: Type.Object({ meterId: Type.String(), faults: Type.Array(FaultView) }) },
        },
      },
      async (request) => {
        const { meterId, kind, on, ...details } = request.body
        const meter = fleet.meter(indexOf(meterId))
        if (on) meter.breakDown(kind, details)
        else meter.repair(kind)
        await fleet.refresh()
        return { meterId, faults: meter.faults.map(faultView) }
      },
    )
    done()
  }
