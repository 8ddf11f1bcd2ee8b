import type { ReactElement } from 'react'
import type { CommandView, MeterState, Session } from '../api/types.ts'
import { m } from '../i18n/index.ts'
import { Badge, type Tone } from '../kit/kit.tsx'

const STATE_TONES: Readonly<Record<MeterState, Tone>> = {
  ok: 'ok',
  late: 'warn',
  failing: 'bad',
  new: 'none',
  imported: 'info',
}

/** A meter's state as word, shape and colour. States of a newer server show under their own name. */
export function StateBadge({ state }: { readonly state: MeterState }): ReactElement {
  return <Badge tone={STATE_TONES[state] ?? 'none'}>{m.overview.states[state] ?? state}</Badge>
}

const OUTCOME_TONES: Readonly<Record<Session['outcome'], Tone>> = { ok: 'ok', failed: 'bad', running: 'none' }

/** How a session ended. */
export function OutcomeBadge({ outcome }: { readonly outcome: Session['outcome'] }): ReactElement {
  return <Badge tone={OUTCOME_TONES[outcome]}>{m.live.outcomes[outcome]}</Badge>
}

const COMMAND_TONES: Readonly<Record<CommandView['state'], Tone>> = {
  requested: 'none',
  dispatched: 'info',
  confirmed: 'ok',
  failed: 'bad',
  expired: 'warn',
}

/** Where a command is on its way. */
export function CommandBadge({ state }: { readonly state: CommandView['state'] }): ReactElement {
  return <Badge tone={COMMAND_TONES[state]}>{m.meter.commandStates[state]}</Badge>
}
