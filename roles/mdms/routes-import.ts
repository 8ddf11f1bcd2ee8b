import { PassThrough, type Readable } from 'node:stream'
import type { App } from '#platform/http'
import { type ImportPorts, importRuns } from './import-runs.ts'
import { checkWriter } from './routes.ts'
import { ImportResponses } from './schemas.ts'

const NDJSON = 'application/x-ndjson'

/** The way in for files: `POST /imports`. */
export function importRoutes(
  app: App,
  {
    writers,
    bodyLimit,
    ports,
  }: { readonly writers: readonly string[]; readonly bodyLimit: number; readonly ports: ImportPorts },
): void {
  // The body is read line by line while it arrives.
  app.addContentTypeParser(NDJSON, (_request, payload, done) => done(null, payload))
  app.post(
    '/imports',
    {
      bodyLimit,
      schema: {
        summary: 'Store interval values from a file',
        description:
          'One JSON object a line (NDJSON): `{usagePointId | meterId, channel, start, stepMs, scaler, unit, values, qualities?, flags?}`, ' +
          'or what a register showed: `{meterId, register, at, value, scaler, unit}`. ' +
          'Lines that cannot be used are named in the answer, status 207; all others are stored. The same file again changes nothing. ' +
          'With `accept: application/x-ndjson` the answer is a line of progress for each part stored, the result last.',
        consumes: [NDJSON],
        response: ImportResponses,
      },
    },
    async (request, reply) => {
      checkWriter(request, writers)
      // The parser above hands on the stream itself.
      const body = request.body as Readable
      if (!request.headers.accept?.includes(NDJSON)) {
        const result = await importRuns(body, ports)
        return reply.code(result.failed > 0 ? 207 : 200).send(result)
      }
      const out = new PassThrough()
      const line = (value: object): void => void out.write(`${JSON.stringify(value)}\n`)
      importRuns(body, { ...ports, onProgress: line }).then(
        (result) => {
          line(result)
          out.end()
        },
        (error: Error) => out.destroy(error),
      )
      // Fastify sends streams as they are, whatever the schema of the other form says.
      return reply.type(NDJSON).send(out as never)
    },
  )
}
