import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import { ApiError, ask } from './client.ts'
import { setServerTime } from './server-clock.ts'
import type {
  AccessRecord,
  AuditRecord,
  BucketLength,
  Buckets,
  CustomerUsagePoint,
  Intervals,
  Me,
  MeterDetail,
  MeterList,
  MeterRow,
  Now,
  Overview,
  Page,
  Passkey,
  Session,
  SessionInfo,
  Summary,
} from './types.ts'

const MOST_TRIES = 2

/** The app's cache of answers. It lives in memory only: nothing about a customer outlasts the page. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    // The session ended while the page was open: back to sign-in, with nothing left on screen.
    onError: (error) => {
      if (!(error instanceof ApiError) || error.status !== 401) return
      if (queryClient.getQueryData(['me'])) sessionEnd = 'lost'
      become(null)
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 20_000,
      // Refusals do not get better by asking again; silence may.
      retry: (count, error) =>
        count < MOST_TRIES && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      retryDelay: (count) => 400 * 2 ** count,
    },
  },
})

/** Forgets every answer of the session before and tells the pages who is there now. */
function become(me: Me | null): void {
  queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' })
  queryClient.setQueryData(['me'], me)
}

let sessionEnd: 'none' | 'left' | 'lost' = 'none'

/** How the last session of this page ended: not at all, by signing out, or by the server's decision (idle or too old). */
export function lastSessionEnd(): 'none' | 'left' | 'lost' {
  return sessionEnd
}

/** Asks who is signed in; null when nobody is. */
export function useMe(): UseQueryResult<Me | null> {
  return useQuery({
    queryKey: ['me'],
    staleTime: 300_000,
    queryFn: async ({ signal }) => {
      try {
        const me = await ask<Me>('/api/me', { signal })
        setServerTime(me.serverTime)
        return me
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      }
    },
  })
}

/** Takes over the session a sign-in answered with. */
export function signedIn(me: Me): void {
  setServerTime(me.serverTime)
  become(me)
}

/** Ends the session and forgets every answer of it. */
export async function signOut(): Promise<void> {
  await ask<void>('/api/sessions/end', { method: 'POST' })
  sessionEnd = 'left'
  become(null)
}

/** The signed-in customer's usage points. */
export function useUsagePoints(): UseQueryResult<readonly CustomerUsagePoint[]> {
  return useQuery({
    queryKey: ['usage-points'],
    refetchInterval: 120_000,
    queryFn: async ({ signal }) =>
      (await ask<{ items: CustomerUsagePoint[] }>('/api/me/usage-points', { signal })).items,
  })
}

const at = (id: string, face: string): string => `/api/usage-points/${encodeURIComponent(id)}/${face}`

/** What flows now; asked again each half minute in case the live stream is cut. */
export function useNow(id: string): UseQueryResult<Now> {
  return useQuery({
    queryKey: ['now', id],
    refetchInterval: 30_000,
    queryFn: ({ signal }) => ask<Now>(at(id, 'now'), { signal }),
  })
}

/** Today so far. */
export function useSummary(id: string): UseQueryResult<Summary> {
  return useQuery({
    queryKey: ['summary', id],
    refetchInterval: 120_000,
    queryFn: ({ signal }) => ask<Summary>(at(id, 'summary'), { signal }),
  })
}

/** Bars of a period; the old ones stay while new ones come. */
export function useBuckets(
  id: string,
  range: { from: string; to: string },
  bucket: BucketLength,
): UseQueryResult<Buckets> {
  const query = new URLSearchParams({ ...range, bucket }).toString()
  return useQuery({
    queryKey: ['buckets', id, query],
    refetchInterval: 120_000,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<Buckets>(at(id, `buckets?${query}`), { signal }),
  })
}

/** Interval values of some local days. */
export function useIntervals(id: string | undefined, range: { from: string; to: string }): UseQueryResult<Intervals> {
  const query = new URLSearchParams(range).toString()
  return useQuery({
    queryKey: ['intervals', id, query],
    enabled: id !== undefined,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<Intervals>(at(id ?? '', `intervals?${query}`), { signal }),
  })
}

/** Where one downloads a range of interval values. */
export function exportAddress(id: string, range: { from: string; to: string }): string {
  return at(id, `export.csv?${new URLSearchParams(range)}`)
}

/** The account's passkeys. */
export function usePasskeys(): UseQueryResult<readonly Passkey[]> {
  return useQuery({
    queryKey: ['passkeys'],
    queryFn: async ({ signal }) => (await ask<{ items: Passkey[] }>('/api/passkeys', { signal })).items,
  })
}

/** Where the account is signed in. */
export function useSignIns(): UseQueryResult<readonly SessionInfo[]> {
  return useQuery({
    queryKey: ['sign-ins'],
    queryFn: async ({ signal }) => (await ask<{ items: SessionInfo[] }>('/api/sessions', { signal })).items,
  })
}

/** Who looked at the account's data. */
export function useAccesses(): UseQueryResult<readonly AccessRecord[]> {
  return useQuery({
    queryKey: ['accesses'],
    queryFn: async ({ signal }) => (await ask<{ items: AccessRecord[] }>('/api/me/accesses', { signal })).items,
  })
}

/** The console's overview. */
export function useOverview(): UseQueryResult<Overview> {
  return useQuery({
    queryKey: ['overview'],
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => {
      const overview = await ask<Overview>('/api/operator/overview', { signal })
      setServerTime(overview.serverTime)
      return overview
    },
  })
}

/** Health of the roles: name → object with `status`. */
export function useHealth(): UseQueryResult<Readonly<Record<string, { readonly status?: string }>>> {
  return useQuery({
    queryKey: ['health'],
    refetchInterval: 30_000,
    retry: false,
    queryFn: async ({ signal }) => {
      try {
        return await ask<Record<string, { status?: string }>>('/health', { signal })
      } catch (error) {
        // A portal that is degraded may answer 503 with the same body; without it the tile says so.
        throw error instanceof ApiError ? error : new ApiError(0, 'OFFLINE', { cause: error })
      }
    },
  })
}

const METERS_A_PAGE = 100

/** The meters list, page after page. `query` holds search, state and sort. */
export function useMeters(
  query: string,
): UseInfiniteQueryResult<{ readonly total: number; readonly asOf: string; readonly rows: readonly MeterRow[] }> {
  return useInfiniteQuery({
    queryKey: ['meters', query],
    initialPageParam: '',
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) => {
      const full = new URLSearchParams(query)
      full.set('limit', String(METERS_A_PAGE))
      if (pageParam !== '') full.set('after', pageParam)
      return ask<MeterList>(`/api/operator/meters?${full}`, { signal })
    },
    getNextPageParam: (last) => last.next ?? undefined,
    select: ({ pages }) => ({
      total: pages[0].total,
      asOf: pages[0].asOf,
      rows: pages.flatMap((page) => page.items),
    }),
  })
}

/** One meter in full. */
export function useMeter(id: string): UseQueryResult<MeterDetail> {
  return useQuery({
    queryKey: ['meter', id],
    refetchInterval: 60_000,
    queryFn: ({ signal }) => ask<MeterDetail>(`/api/operator/meters/${encodeURIComponent(id)}`, { signal }),
  })
}

/** The last sessions of a meter. */
export function useMeterSessions(id: string): UseQueryResult<Page<Session>> {
  return useQuery({
    queryKey: ['meter-sessions', id],
    refetchInterval: 60_000,
    queryFn: ({ signal }) =>
      ask<Page<Session>>(`/api/operator/meters/${encodeURIComponent(id)}/sessions?limit=25`, { signal }),
  })
}

/** The newest rows of the audit log, of everything or about one subject. */
export function useAudit(subject: string): UseQueryResult<Page<AuditRecord>> {
  const query = new URLSearchParams({ limit: '200', ...(subject ? { subject } : {}) })
  return useQuery({
    queryKey: ['audit', subject],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => ask<Page<AuditRecord>>(`/api/operator/audit?${query}`, { signal }),
  })
}

/** The last sessions of all meters. */
export function useSessions(outcome: '' | 'failed'): UseQueryResult<Page<Session>> {
  return useQuery({
    queryKey: ['sessions', outcome],
    queryFn: ({ signal }) =>
      ask<Page<Session>>(`/api/operator/sessions?limit=50${outcome ? `&outcome=${outcome}` : ''}`, { signal }),
  })
}
