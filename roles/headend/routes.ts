import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { formatInstant, parseInstant, unitSymbol } from '@gridtally/metering'
import { Type } from 'typebox'
import { Problem } from '#platform/http'
import type { KeyPurpose, KeyVault } from '#platform/key-vault'
import type { CommandDesk } from './commands.ts'
import type { CounterStore } from './counters.ts'
import type { DeviceEntry } from './device.ts'
import type { EventLog } from './event-log.ts'
import type { ImportedDevice } from './import-shipment.ts'
import type { Registry } from './registry.ts'
import type { SessionRecord } from './session-record.ts'
import type { HeadendStore } from './store.ts'
import { isValue } from './to-readings.ts'

/** What the HTTP face answers from. */
export interface RoutePorts {
  readonly registry: Registry
  readonly store: HeadendStore
  readonly log: Pick<EventLog, 'page'>
  readonly vault: Pick<KeyVault, 'info'>
  readonly counters: Pick<CounterStore, 'peek'>
  readonly commands: CommandDesk
  importShipment(json: string): Promise<ImportedDevice[]>
  /** Ends a device's quarantine. */
  release(meterId: string): void
}

const SHIPMENT_OCTETS = 128 * 1024 * 1024
const Limit = (most: number, standard: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: most, default: standard }))
const Cursor = Type.Optional(Type.String({ maxLength: 32, description: 'cursor of the page before' }))
const MeterParams = Type.Object({ meterId: Type.String({ minLength: 1, maxLength: 32 }) })
const State = Type.Union([
  Type.Literal('registered'),
  Type.Literal('active'),
  Type.Literal('unreachable'),
  Type.Literal('quarantined'),
])

/** What may be shown of the types of key a meter has. */
const KEY_TYPES: Partial<Record<KeyPurpose, string>> = {
  'dlms-guek': 'block-cipher',
  'dlms-gak': 'authentication',
  'dlms-kek': 'master',
  'dlms-lls': 'password',
}

const time = (at: number | null): string | null => (at === null ? null : formatInstant(at))

/** A cursor that is a number. @throws Problem `CURSOR_INVALID` */
function position(cursor: string | undefined): number {
  if (cursor === undefined || cursor === '') return 0
  if (!/^\d{1,15}$/.test(cursor)) throw new Problem('CURSOR_INVALID', `"${cursor}" is not a cursor this service gave`)
  return Number(cursor)
}

const summary = ({ device, status }: DeviceEntry) => ({
  meterId: device.meterId,
  systemTitle: device.systemTitle,
  manufacturer: device.manufacturer,
  model: device.model,
  firmware: device.firmware,
  zone: device.zone,
  host: device.host,
  port: device.port,
  cell: device.cell,
  usagePointId: device.usagePointId,
  state: status.state,
  stateReason: status.stateReason,
  lastContact: time(status.lastContact),
  clockOffsetMs: status.clockOffsetMs,
  failures: status.failures,
})

const sessionView = ({ startedAt, ...rest }: SessionRecord) => ({ ...rest, startedAt: formatInstant(startedAt) })

function detail(entry: DeviceEntry, { vault, counters }: RoutePorts) {
  const { device, status } = entry
  return {
    ...summary(entry),
    logicalDeviceName: device.logicalDeviceName,
    importedAt: formatInstant(status.importedAt),
    readFrom: time(device.readFrom),
    channels: [...status.captures.values()].flatMap(({ profile, version, periodMs, columns, since }) =>
      columns.filter(isValue).map(({ obis, scaler, unit }) => ({
        profile,
        captureVersion: version,
        since: formatInstant(since),
        obis,
        scaler,
        unit: unitSymbol(unit),
        intervalMinutes: periodMs > 0 ? periodMs / 60_000 : null,
      })),
    ),
    readStates: [...status.reads].map(([profile, { at }]) => ({ profile, at: formatInstant(at) })),
    keys: vault.info(device.meterId).map(({ purpose, generation, createdAt }) => ({
      type: KEY_TYPES[purpose] ?? purpose,
      generation,
      since: formatInstant(createdAt),
      counter: purpose === 'dlms-guek' ? (counters.peek(device.meterId) ?? null) : null,
    })),
  }
}

/** HTTP face of the head-end. Parse, ask, answer: no decision is taken here. */
export const headendRoutes =
  (ports: RoutePorts): FastifyPluginCallbackTypebox =>
  (app, _options, done) => {
    const { registry, store, log, commands } = ports
    const known = (meterId: string): DeviceEntry => {
      const entry = registry.get(meterId)
      if (!entry) throw new Problem('METER_UNKNOWN', `no meter ${meterId} is registered`)
      return entry
    }

    const shipments: FastifyPluginCallbackTypebox = (scope, _none, ready) => {
      // Parsed by our own code: errors name line and column, and never quote what may be a key.
      scope.removeContentTypeParser('application/json')
      scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, next) => next(null, body))
      const schema = { summary: 'Import a shipment file: devices and their keys; see docs/shipment-file.md' }
      scope.post(
        '/shipments',
        { bodyLimit: SHIPMENT_OCTETS, schema, config: { callers: ['simulator'] } },
        async (request) => {
          const items = await ports.importShipment(typeof request.body === 'string' ? request.body : '')
          const counts: Record<string, number> = {}
          for (const { outcome } of items) counts[outcome] = (counts[outcome] ?? 0) + 1
          return { counts, items }
        },
      )
      ready()
    }
    app.register(shipments)

    app.get(
      '/devices',
      {
        schema: {
          summary: 'Devices by meter id; `search` takes parts of serial, system title, usage point or host:port',
          querystring: Type.Object({
            search: Type.Optional(Type.String({ maxLength: 64 })),
            state: Type.Optional(State),
            after: Type.Optional(Type.String({ maxLength: 32 })),
            limit: Limit(1000, 100),
          }),
        },
      },
      async ({ query: { search, state, after = '', limit = 100 } }) => {
        const words = search?.toLowerCase()
        const items: ReturnType<typeof summary>[] = []
        for (const meterId of registry.sorted()) {
          if (meterId <= after) continue
          const { device, status } = known(meterId)
          if (state !== undefined && status.state !== state) continue
          const text = `${meterId} ${device.systemTitle} ${device.usagePointId ?? ''} ${device.host}:${device.port}`
          if (words !== undefined && !text.toLowerCase().includes(words)) continue
          items.push(summary(known(meterId)))
          if (items.length > limit) break
        }
        const more = items.length > limit
        if (more) items.pop()
        return { items, next: more ? items[items.length - 1].meterId : null }
      },
    )

    const deviceSchema = { summary: 'All there is to know of a device; never a key value', params: MeterParams }
    app.get('/devices/:meterId', { schema: deviceSchema }, async ({ params }) => detail(known(params.meterId), ports))

    app.post(
      '/devices/:meterId/release',
      {
        config: { callers: ['access'] },
        schema: { summary: 'End the quarantine of a device after people have looked at it', params: MeterParams },
      },
      async ({ params: { meterId } }) => {
        const { device, status } = known(meterId)
        if (status.state !== 'quarantined') throw new Problem('CONFLICT', `${meterId} is not in quarantine`)
        const holder = registry.byTitle(device.systemTitle)
        if (holder !== undefined) throw new Problem('CONFLICT', `its system title is in service with ${holder}`)
        ports.release(meterId)
        return summary(known(meterId))
      },
    )

    app.get(
      '/devices/:meterId/sessions',
      {
        schema: {
          summary: 'Sessions with a device, newest first',
          params: MeterParams,
          querystring: Type.Object({ after: Cursor, limit: Limit(1000, 50) }),
        },
      },
      async ({ params: { meterId }, query: { after, limit = 50 } }) => {
        known(meterId)
        const before = after === undefined ? Number.MAX_SAFE_INTEGER : position(after)
        const items = await store.sessionsOf(meterId, before, limit + 1)
        const more = items.length > limit
        if (more) items.pop()
        return { items: items.map(sessionView), next: more ? String(items[items.length - 1].seq) : null }
      },
    )

    app.get(
      '/sessions',
      {
        schema: {
          summary: 'Sessions behind a cursor, oldest first; without one, those begun after `since`',
          querystring: Type.Object({
            after: Cursor,
            since: Type.Optional(Type.String({ maxLength: 40 })),
            limit: Limit(1000, 100),
          }),
        },
      },
      async ({ query: { after, since, limit = 100 } }) => {
        let from = 0
        if (since !== undefined)
          try {
            from = parseInstant(since)
          } catch (error) {
            throw new Problem('REQUEST_INVALID', (error as Error).message)
          }
        const items = await store.sessions(position(after), from, limit)
        return { items: items.map(sessionView), cursor: String(items.at(-1)?.seq ?? position(after)) }
      },
    )

    app.post(
      '/commands',
      {
        config: { callers: ['access'] },
        schema: {
          summary:
            'Order something of a device; read its state at /commands/{id}. The same id again is the same command',
          body: Type.Object({
            meterId: Type.String({ minLength: 1, maxLength: 32 }),
            kind: Type.Literal('read'),
            id: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9-]{8,64}$' })),
            expiresAt: Type.Optional(Type.String({ maxLength: 40 })),
          }),
        },
      },
      async ({ body: { expiresAt, ...rest } }, reply) => {
        reply.code(202)
        if (expiresAt === undefined) return commands.post(rest)
        try {
          return await commands.post({ ...rest, expiresAt: parseInstant(expiresAt) })
        } catch (error) {
          if (error instanceof TypeError) throw new Problem('REQUEST_INVALID', error.message)
          throw error
        }
      },
    )

    app.get(
      '/commands',
      {
        schema: {
          summary: 'Commands that changed behind a cursor, in order of change',
          querystring: Type.Object({ after: Cursor, limit: Limit(1000, 100) }),
        },
      },
      async ({ query: { after, limit = 100 } }) => {
        const changed = await store.commandsAfter(position(after), limit)
        return {
          items: changed.map(({ command }) => command),
          cursor: String(changed.at(-1)?.change ?? position(after)),
        }
      },
    )

    app.get(
      '/commands/:id',
      { schema: { summary: 'One command', params: Type.Object({ id: Type.String({ maxLength: 64 }) }) } },
      async ({ params: { id } }) => {
        const command = await store.command(id)
        if (!command) throw new Problem('COMMAND_UNKNOWN', `no command ${id}`)
        return command
      },
    )

    app.get(
      '/log',
      {
        config: { callers: ['mdms'] },
        schema: {
          summary: 'Entries of the event log behind a cursor, oldest first',
          querystring: Type.Object({ after: Cursor, limit: Limit(100_000, 1000) }),
        },
      },
      async ({ query: { after, limit = 1000 } }, reply) => {
        const page = await log.page(position(after), limit)
        // The log keeps entries as the JSON they travel as; parsing them only to write them again would cost most of the time.
        return reply.type('application/json; charset=utf-8').send(page)
      },
    )
    done()
  }
