import { DlmsError, type DlmsErrorCode } from '../dlms-error.ts'
import type { Framing, FramingEvent } from '../framing.ts'
import {
  HdlcClientLink,
  type HdlcClientOptions,
  type HdlcLinkEvent,
  type HdlcLinkFailure,
} from '../hdlc/client-link.ts'

const CODES: Readonly<Record<HdlcLinkFailure, DlmsErrorCode>> = {
  TIMEOUT: 'TIMEOUT',
  REFUSED: 'CLOSED',
  RESET: 'CLOSED',
  PROTOCOL: 'PROTOCOL',
}

/** HDLC as the link layer of a client, for `connectMeter`: SNRM when opened, DISC when closed. */
export function hdlcClientFraming(options: HdlcClientOptions): Framing {
  const link = new HdlcClientLink(options)
  const client = options.client.upper
  const server = options.server.upper
  /** What happened, and what is to be sent because of it. */
  const settle = (happened: readonly HdlcLinkEvent[]): FramingEvent[] => {
    const events: FramingEvent[] = []
    const octets = link.takeOutput()
    if (octets) events.push({ type: 'send', octets })
    for (const event of happened)
      switch (event.kind) {
        case 'connected':
          events.push({ type: 'connected' })
          break
        case 'apdu':
          events.push({ type: 'apdu', apdu: event.apdu, client, server })
          break
        case 'disconnected':
          events.push({ type: 'closed' })
          break
        case 'failed':
          events.push({
            type: 'closed',
            error: new DlmsError(CODES[event.code], `the HDLC link failed: ${event.code}`),
          })
      }
    return events
  }
  return {
    open(now) {
      link.connect(now)
      return settle([])
    },
    send(apdu, now) {
      link.send(apdu, now)
      return settle([])
    },
    feed: (octets, now) => settle(link.receive(octets, now)),
    tick: (now) => settle(link.tick(now)),
    nextDeadline: () => link.deadline,
    close(now) {
      if (link.connected) link.disconnect(now)
      return settle([])
    },
  }
}
