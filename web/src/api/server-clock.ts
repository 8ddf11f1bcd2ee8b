let skewMs = 0

/** Sets the clock by what the server said when it answered `/api/me`. */
export function setServerTime(serverTime: string): void {
  const at = Date.parse(serverTime)
  if (!Number.isNaN(at)) skewMs = at - Date.now()
}

/** Now by the server's clock, ms: ages and "today" stay right on a device whose clock is wrong. */
export function serverNow(): number {
  return Date.now() + skewMs
}
