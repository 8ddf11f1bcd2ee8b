import { Problem } from '#platform/http'
import { PeerError } from '#platform/peer'

/** Turns another role's refusal into ours; what we did not expect is a service that does not answer as it should. */
export async function answered<T>(work: Promise<T>, known: Readonly<Record<string, () => T>> = {}): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    const fallback = known[error.code]
    if (fallback) return fallback()
    if (error.code === 'METER_UNKNOWN' || error.code === 'COMMAND_UNKNOWN' || error.code === 'CURSOR_INVALID')
      throw new Problem(error.code, String(error.body.detail ?? 'not known'))
    throw new Problem('PEER_UNAVAILABLE', 'a service behind this one answered unexpectedly', {}, { cause: error })
  }
}
