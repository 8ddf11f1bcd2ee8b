import { readFileSync } from 'node:fs'
import { PeerError } from '#platform/peer'
import { type CommandIo, EXIT } from './command.ts'
import { roleOf } from './running.ts'

interface ShipmentAnswer {
  readonly counts: Readonly<Record<string, number>>
  readonly items: readonly { readonly serial: string; readonly outcome: string; readonly text?: string }[]
}

/**
 * Hands a shipment file to the head-end of the running platform and tells what became of each device.
 *
 * @returns the exit code: 1 when a device or the file was refused, each named on standard error
 */
export async function importShipment(file: string, dataDir: string, json: boolean, io: CommandIo): Promise<number> {
  let answer: ShipmentAnswer
  try {
    const body = readFileSync(file, 'utf8')
    answer = await roleOf(dataDir, 'headend').json<ShipmentAnswer>('/shipments', {
      method: 'POST',
      body,
      timeoutMs: 120_000,
    })
  } catch (error) {
    if (!(error instanceof PeerError)) throw error
    io.stderr.write(`gridtally import: ${file}: ${String(error.body.detail ?? error.message)}\n`)
    return EXIT.someFailed
  }
  const refused = answer.items.filter(({ outcome }) => outcome === 'refused')
  if (json) for (const item of answer.items) io.stdout.write(`${JSON.stringify(item)}\n`)
  else
    io.stdout.write(
      `${
        Object.entries(answer.counts)
          .map(([outcome, count]) => `${count} ${outcome}`)
          .join(', ') || 'no devices'
      }\n`,
    )
  for (const { serial, text } of refused) io.stderr.write(`gridtally import: ${serial}: ${text ?? 'refused'}\n`)
  return refused.length > 0 ? EXIT.someFailed : EXIT.done
}
