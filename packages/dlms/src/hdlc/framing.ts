import type { Framing, FramingEvent } from '../framing.ts'
import { HdlcClientLink, type HdlcClientOptions, type HdlcLinkEvent } from './client-link.ts'
import { type HdlcServerEvent, HdlcServerLink, type HdlcServerOptions } from './server-link.ts'

/** HDLC as link layer of a client: SNRM when opened, DISC when closed, segments and repetitions in between. */
export function hdlcClientFraming(options: HdlcClientOptions): Framing {
  const link = new HdlcClientLink(options)
  const addresses = { client: options.client.upper, server: options.server.upper }
  const done = (events: readonly HdlcLinkEvent[]): FramingEvent[] => [
    ...output(link),
    ...events.map((event) => clientEvent(event, addresses)),
  ]
  return {
    open(now) {
      link.connect(now)
      return done([])
    },
    send(apdu, now) {
      link.send(apdu, now)
      return done([])
    },
    feed: (octets, now) => done(link.receive(octets, now)),
    tick: (now) => done(link.tick(now)),
    nextDeadline: () => link.deadline,
    close(now) {
      if (!link.connected) return [{ type: 'closed' }]
      link.disconnect(now)
      return done([])
    },
  }
}

function clientEvent(event: HdlcLinkEvent, addresses: { client: number; server: number }): FramingEvent {
  switch (event.kind) {
    case 'connected':
      return { type: 'connected' }
    case 'apdu':
      return { type: 'apdu', apdu: event.apdu, ...addresses }
    case 'disconnected':
      return { type: 'closed' }
    case 'failed':
      return { type: 'closed', error: new Error(FAILURES[event.code]) }
  }
}

const FAILURES = {
  TIMEOUT: 'the meter does not answer on the HDLC link',
  REFUSED: 'the meter refused the HDLC connection',
  RESET: 'the meter dropped the HDLC connection',
  PROTOCOL: 'the meter broke the HDLC protocol',
} as const

/** HDLC as link layer of a server. It is connected with its first client and closed when the last has left. */
export function hdlcServerFraming(options: HdlcServerOptions): Framing {
  const link = new HdlcServerLink(options)
  const clients = new Set<number>()
  const take = (event: HdlcServerEvent): FramingEvent[] => {
    const { client } = event
    if (event.kind === 'apdu') return [{ type: 'apdu', apdu: event.apdu, client, server: options.server.upper }]
    if (event.kind === 'connected') {
      const first = clients.size === 0
      clients.add(client)
      return first ? [{ type: 'connected' }] : []
    }
    clients.delete(client)
    return clients.size === 0 ? [{ type: 'closed' }] : []
  }
  return {
    open: () => [],
    send(apdu, _now, client = [...clients][0]) {
      if (client !== undefined) link.send(client, apdu)
      return output(link)
    },
    feed(octets) {
      const events = link.receive(octets).flatMap(take)
      // What is to be sent goes first: the answer to DISC must leave before the link is told closed.
      return [...output(link), ...events]
    },
    tick: () => [],
    nextDeadline: () => undefined,
    close: () => [{ type: 'closed' }],
  }
}

function output(link: { takeOutput(): Uint8Array | null }): FramingEvent[] {
  const octets = link.takeOutput()
  return octets ? [{ type: 'send', octets }] : []
}
