/**
 * A two-way stream of octets: a TCP connection, a serial port, a pipe in a test.
 *
 * `read` gives whatever has arrived (at least one octet), or `null` once the peer has closed. One read at a time.
 * Both calls reject when `signal` aborts; the channel is then closed.
 */
export interface ByteChannel {
  read(signal?: AbortSignal): Promise<Uint8Array | null>
  write(octets: Uint8Array, signal?: AbortSignal): Promise<void>
  close(): void
}
