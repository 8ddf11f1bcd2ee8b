import { type Command, parseInstant } from '@gridtally/metering'
import type { Peer } from '#platform/peer'
import type { DeviceRow, FleetSession } from './fleet.ts'
import type { DeviceDetail, HeadendSource, ListPage } from './operator-source.ts'
import { answered } from './upstream.ts'

interface DeviceJson {
  readonly meterId: string
  readonly systemTitle: string
  readonly firmware?: string | null
  readonly manufacturer?: string | null
  readonly model?: string | null
  readonly host?: string
  readonly port?: number
  readonly usagePointId: string | null
  readonly lastContact: string | null
  readonly failures: number
  readonly state?: string
  readonly stateReason?: string | null
  readonly clockOffsetMs: number | null
  readonly channels?: readonly {
    readonly obis: string
    readonly unit: string
    readonly intervalMinutes: number | null
  }[]
  readonly keys?: readonly {
    readonly type: string
    readonly generation: number
    readonly since?: string | null
    readonly counter?: string | number | null
  }[]
}

interface SessionJson {
  readonly seq: number
  readonly meterId: string
  readonly priority: 'interactive' | 'scheduled'
  readonly startedAt: string
  readonly durationMs: number
  readonly outcome: string
  readonly detail: string
  readonly rows: number
  readonly octetsIn?: number
  readonly octetsOut?: number
}

const PAGE = 1000

function rowOf(device: DeviceJson): DeviceRow {
  return {
    meterId: device.meterId,
    systemTitle: device.systemTitle,
    firmware: device.firmware || null,
    usagePointId: device.usagePointId,
    lastContact: device.lastContact === null ? null : parseInstant(device.lastContact),
    // A device in quarantine is not read: for the list it fails.
    failures: device.state === 'quarantined' ? Math.max(1, device.failures) : device.failures,
    lastError: device.state === 'quarantined' ? 'QUARANTINED' : device.failures > 0 ? device.stateReason || null : null,
    clockOffsetMs: device.clockOffsetMs,
  }
}

function sessionOf(session: SessionJson): FleetSession {
  const startedAt = parseInstant(session.startedAt)
  const isOk = session.outcome === 'OK'
  return {
    id: String(session.seq),
    meterId: session.meterId,
    startedAt,
    endedAt: startedAt + session.durationMs,
    outcome: isOk ? 'ok' : 'failed',
    purpose: session.priority === 'interactive' ? 'on-demand' : 'scheduled',
    reason: isOk ? null : session.outcome,
    detail: session.detail,
    rows: session.rows,
    octetsIn: session.octetsIn ?? 0,
    octetsOut: session.octetsOut ?? 0,
  }
}

/** The head-end over HTTP. */
export function createHeadend(peer: Peer): HeadendSource {
  const meter = (id: string): string => `/devices/${encodeURIComponent(id)}`
  return {
    async *devices() {
      let after: string | null = null
      do {
        const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`
        const page: ListPage<DeviceJson> = await answered(peer.json(`/devices?limit=${PAGE}${query}`))
        yield page.items.map(rowOf)
        after = page.next
      } while (after !== null)
    },
    async device(meterId): Promise<DeviceDetail> {
      const device = await answered(peer.json<DeviceJson>(meter(meterId)))
      const row = rowOf(device)
      return {
        ...row,
        manufacturer: device.manufacturer || null,
        model: device.model || null,
        endpoint: device.host ? `${device.host}:${device.port}` : null,
        clockMeasuredAt: row.clockOffsetMs === null ? null : row.lastContact,
        channels: device.channels ?? [],
        keys: (device.keys ?? []).map(({ type, generation, since, counter }) => ({
          type,
          generation,
          since: since ? parseInstant(since) : null,
          counter: counter === undefined || counter === null ? null : String(counter),
        })),
      }
    },
    async sessionsAfter(cursor, since) {
      const query = cursor === null ? `&since=${new Date(since).toISOString()}` : `&after=${encodeURIComponent(cursor)}`
      const page = await answered(
        peer.json<{ items: readonly SessionJson[]; cursor: string }>(`/sessions?limit=${PAGE}${query}`),
      )
      return { items: page.items.map(sessionOf), cursor: page.cursor }
    },
    async sessionsOf(meterId, after, limit): Promise<ListPage<FleetSession>> {
      const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
      const page = await answered(peer.json<ListPage<SessionJson>>(`${meter(meterId)}/sessions?limit=${limit}${query}`))
      return { items: page.items.map(sessionOf), next: page.next ?? null }
    },
    orderRead: (meterId) =>
      answered(peer.json<Command>('/commands', { method: 'POST', body: { meterId, kind: 'read' } })),
    command: (id) => answered(peer.json<Command>(`/commands/${encodeURIComponent(id)}`)),
  }
}
