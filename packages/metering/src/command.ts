/** Where a command is on its way. Only forwards: `requested → dispatched → confirmed | failed | expired`. */
export type CommandState = 'requested' | 'dispatched' | 'confirmed' | 'failed' | 'expired'

/** An order to a device, posted to the head-end and followed by cursor. */
export interface Command {
  readonly id: string
  readonly meterId: string
  readonly kind: 'read'
  readonly state: CommandState
  readonly requestedAt: number
  /** After this instant it is not sent any more. */
  readonly expiresAt: number
  /** For people: why it failed, empty otherwise. */
  readonly detail: string
}
