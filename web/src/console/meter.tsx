import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { useState } from 'react'
import { Link } from 'wouter'
import { ask } from '../api/client.ts'
import { queryClient, useMeter, useMeterSessions } from '../api/queries.ts'
import type { CommandView, MeterDetail, Session } from '../api/types.ts'
import { f, m } from '../i18n/index.ts'
import { Icon } from '../kit/icons.tsx'
import {
  Age,
  Badge,
  Button,
  Card,
  DataTable,
  deviceZone,
  EmptyState,
  Facts,
  kit,
  Loaded,
  type Tone,
  usePageTitle,
} from '../kit/kit.tsx'
import css from './console.module.css'
import { IntervalsCard } from './intervals-card.tsx'
import { CommandBadge, OutcomeBadge, StateBadge } from './words.tsx'

/** Everything about one meter, and reading it now. */
export function MeterPage({ id }: { readonly id: string }): ReactElement {
  usePageTitle(id)
  return (
    <>
      <Link href="/console/meters" className={css.back}>
        <Icon name="left" size={14} />
        {m.meter.back}
      </Link>
      <Loaded query={useMeter(id)} chart>
        {(meter) => <MeterBody meter={meter} />}
      </Loaded>
    </>
  )
}

function MeterBody({ meter }: { readonly meter: MeterDetail }): ReactElement {
  const zone = meter.usagePoint?.zone ?? deviceZone()
  return (
    <>
      <div className={css.meterHead}>
        <h1>{meter.meterId}</h1>
        <StateBadge state={meter.state} />
        {meter.lastError && <span className={kit.mono}>{meter.lastError}</span>}
        <div className={css.right}>
          <span className={kit.muted}>
            {m.meter.lastContact}: {meter.lastContactAt ? <Age at={meter.lastContactAt} zone={zone} /> : m.meters.never}
          </span>
          {meter.state !== 'imported' && <ReadNow id={meter.meterId} />}
        </div>
      </div>
      <div className={css.cols}>
        <Card title={m.meter.identity} aside={<Age at={meter.asOf} words={m.console.asOf} />}>
          <Facts
            items={[
              [m.meter.serial, meter.meterId],
              [
                m.meter.systemTitle,
                <span key="title" className={kit.mono}>
                  {meter.systemTitle}
                </span>,
              ],
              [m.meter.model, [meter.manufacturer, meter.model].filter(Boolean).join(' ')],
              [m.meter.firmware, meter.firmware],
              [m.meter.endpoint, meter.endpoint],
              [
                m.meter.clock,
                meter.clock ? (
                  <>
                    {m.meters.seconds(meter.clock.offsetSeconds)} <Age at={meter.clock.measuredAt} zone={zone} />
                  </>
                ) : (
                  m.meter.clockUnknown
                ),
              ],
            ]}
          />
        </Card>
        <Card title={m.meter.place}>
          {meter.usagePoint ? (
            <Facts
              items={[
                [m.meter.address, meter.usagePoint.address],
                [m.meter.usagePoint, meter.usagePoint.id],
                [m.meter.category, meter.usagePoint.category],
                [m.meter.since, f.longDay(Date.parse(meter.usagePoint.since), zone)],
              ]}
            />
          ) : (
            <EmptyState icon="pin" title={m.meters.unassigned}>
              {m.meter.unassigned}
            </EmptyState>
          )}
        </Card>
        {meter.usagePoint && <IntervalsCard point={meter.usagePoint} className={css.wide} />}
        <Registers meter={meter} zone={zone} />
        <Keys meter={meter} zone={zone} />
        <Sessions id={meter.meterId} zone={zone} />
        <Events meter={meter} zone={zone} />
        <Card title={m.meter.channels}>
          <DataTable
            caption={m.meter.channels}
            rows={meter.channels}
            rowKey={(one) => one.obis}
            columns={[
              { head: m.meter.channel, cell: (one) => one.name },
              { head: m.meter.obis, cell: (one) => <span className={kit.mono}>{one.obis}</span> },
              { head: m.meter.unit, cell: (one) => one.unit },
              {
                head: m.meter.interval,
                number: true,
                cell: (one) =>
                  one.intervalMinutes === null ? m.meter.onRequest : m.meter.minutes(one.intervalMinutes),
              },
            ]}
          />
        </Card>
      </div>
    </>
  )
}

const FINAL: readonly CommandView['state'][] = ['confirmed', 'failed', 'expired']
const ASK_EVERY_MS = 700

/** Asks for a reading and follows the command until it is done. */
function ReadNow({ id }: { readonly id: string }): ReactElement {
  const [command, setCommand] = useState<string | null>(null)
  const [refused, setRefused] = useState(false)
  const query = useQuery<CommandView>({
    queryKey: ['command', command],
    enabled: command !== null,
    refetchInterval: (one) => (one.state.data && FINAL.includes(one.state.data.state) ? false : ASK_EVERY_MS),
    queryFn: async ({ signal }) => {
      const view = await ask<CommandView>(`/api/operator/commands/${encodeURIComponent(command ?? '')}`, { signal })
      if (FINAL.includes(view.state))
        for (const key of ['meter', 'meter-sessions']) void queryClient.invalidateQueries({ queryKey: [key, id] })
      return view
    },
  })
  const view = command === null ? undefined : query.data
  const busy = command !== null && !(view && FINAL.includes(view.state))
  const read = async (): Promise<void> => {
    setRefused(false)
    try {
      const made = await ask<CommandView>(`/api/operator/meters/${encodeURIComponent(id)}/commands`, {
        method: 'POST',
        body: { kind: 'read' },
      })
      setCommand(made.id)
    } catch {
      // Nothing was asked of the meter; the badge says so and the button is there to try again.
      setRefused(true)
    }
  }
  return (
    <>
      <span role="status">
        {view && <CommandBadge state={view.state} />} {view?.detail}
        {refused && <Badge tone="bad">{m.meter.commandStates.failed}</Badge>}
      </span>
      <Button look="primary" disabled={busy} onClick={() => void read()}>
        {busy && <span className={kit.spinner} />}
        {busy ? m.meter.reading : m.meter.read}
      </Button>
    </>
  )
}

function Registers({ meter, zone }: { readonly meter: MeterDetail; readonly zone: string }): ReactElement {
  return (
    <Card title={m.meter.registers}>
      {meter.registers.length === 0 ? (
        <EmptyState icon="clock" title={m.meter.noRegisters} />
      ) : (
        <DataTable
          caption={m.meter.registers}
          rows={meter.registers}
          rowKey={(one) => one.obis}
          columns={[
            { head: m.meter.register, cell: (one) => one.name || one.obis },
            { head: m.meter.value, number: true, cell: (one) => `${f.decimal(one.value)} ${one.unit}` },
            { head: m.meter.at, cell: (one) => <Age at={one.at} zone={zone} /> },
            { head: m.meter.why, cell: (one) => one.reason },
          ]}
        />
      )}
    </Card>
  )
}

function Keys({ meter, zone }: { readonly meter: MeterDetail; readonly zone: string }): ReactElement {
  return (
    <Card title={m.meter.keys}>
      <DataTable
        caption={m.meter.keys}
        rows={meter.keys}
        rowKey={(one) => one.type}
        columns={[
          { head: m.meter.keyType, cell: (one) => one.type },
          { head: m.meter.generation, number: true, cell: (one) => f.count(one.generation) },
          { head: m.meter.keySince, cell: (one) => (one.since === null ? '–' : f.day(Date.parse(one.since), zone)) },
          { head: m.meter.counter, number: true, cell: (one) => (one.counter === null ? '–' : f.decimal(one.counter)) },
        ]}
      />
      <p className={css.note}>{m.meter.keysHint}</p>
    </Card>
  )
}

function Sessions({ id, zone }: { readonly id: string; readonly zone: string }): ReactElement {
  return (
    <Card title={m.meter.sessions} className={css.wide}>
      <Loaded query={useMeterSessions(id)}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState icon="clock" title={m.meter.noSessions} />
          ) : (
            <DataTable<Session>
              caption={m.meter.sessions}
              rows={items}
              rowKey={(one) => one.id}
              columns={[
                { head: m.meter.started, cell: (one) => <Age at={one.startedAt} zone={zone} /> },
                {
                  head: m.meter.outcome,
                  cell: (one) => (
                    <>
                      <OutcomeBadge outcome={one.outcome} />{' '}
                      {one.reason && <span className={kit.mono}>{one.reason}</span>}
                    </>
                  ),
                },
                { head: m.meter.purpose, cell: (one) => m.live.purposes[one.purpose] ?? one.purpose },
                { head: m.meter.rows, number: true, cell: (one) => f.count(one.rows) },
                {
                  head: m.meter.octets,
                  number: true,
                  cell: (one) => `${f.count(one.octetsIn)} / ${f.count(one.octetsOut)}`,
                },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  )
}

const SEVERITY: Readonly<Record<string, Tone>> = { info: 'info', warning: 'warn', alarm: 'bad' }

function Events({ meter, zone }: { readonly meter: MeterDetail; readonly zone: string }): ReactElement {
  return (
    <Card title={m.meter.events}>
      {meter.events.length === 0 ? (
        <EmptyState title={m.meter.noEvents} />
      ) : (
        <DataTable
          caption={m.meter.events}
          rows={meter.events}
          rowKey={(one) => `${one.at} ${one.type}`}
          columns={[
            {
              head: m.meter.at,
              cell: (one) => (
                <span title={f.full(Date.parse(one.at), zone)}>
                  {f.day(Date.parse(one.at), zone)}, {f.time(Date.parse(one.at), zone)}
                </span>
              ),
            },
            {
              head: m.meter.severity,
              cell: (one) => <Badge tone={SEVERITY[one.severity] ?? 'none'}>{m.meter.severities[one.severity]}</Badge>,
            },
            { head: m.meter.what, cell: (one) => one.text || one.type },
          ]}
        />
      )}
    </Card>
  )
}
