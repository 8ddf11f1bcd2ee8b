import type { Framing, FramingEvent } from '../framing.ts'
import { type HdlcServerEvent, HdlcServerLink, type HdlcServerOptions } from '../hdlc/server-link.ts'

/** HDLC as the link layer of a device, for `feedServer`. It speaks only when polled, so it has no timers. */
export function hdlcServerFraming(options: HdlcServerOptions): Framing {
  const link = new HdlcServerLink(options)
  const server = options.server.upper
  const settle = (happened: readonly HdlcServerEvent[]): FramingEvent[] => {
    const events: FramingEvent[] = []
    for (const event of happened)
      if (event.kind === 'apdu') events.push({ type: 'apdu', apdu: event.apdu, client: event.client, server })
    const octets = link.takeOutput()
    if (octets) events.push({ type: 'send', octets })
    return events
  }
  return {
    open: () => [{ type: 'connected' }],
    send(apdu, _now, client) {
      if (client === undefined) throw new TypeError('which client an answer on HDLC is for must be said')
      link.send(client, apdu)
      return settle([])
    },
    feed: (octets) => settle(link.receive(octets)),
    tick: () => [],
    nextDeadline: () => undefined,
    close: () => [{ type: 'closed' }],
  }
}
