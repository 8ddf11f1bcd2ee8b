import { type Static, Type } from 'typebox'

const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' })
const Line = Type.String({ minLength: 1, maxLength: 200 })
const Decimal = Type.String({
  pattern: '^-?\\d{1,12}(\\.\\d{1,6})?$',
  description: 'Exact decimal, at most six places',
})
const When = Type.String({ description: 'Instant with offset, or a local date: midnight in the usage point’s zone' })
const WhenOrNull = Type.Union([When, Type.Null()])

/** One price of a sheet and when it holds; the first band whose hours fit is the price. */
export const BandSchema = Type.Object({
  name: Type.String({ maxLength: 40, description: 'Empty for the only band of a flat tariff' }),
  perKwh: Decimal,
  hours: Type.Optional(
    Type.Array(
      Type.Object({
        days: Type.Optional(
          Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), { description: '1 Monday … 7 Sunday; all when absent' }),
        ),
        from: Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
        to: Type.String({
          pattern: '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)$',
          description: 'May be before from: past midnight',
        }),
      }),
      { description: 'Local times, half-open; always when absent' },
    ),
  ),
})

/** A price sheet. It never changes once known: new prices are a new sheet. */
export const TariffSchema = Type.Object({
  id: Id,
  name: Line,
  currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  taxPercent: Type.Optional(
    Type.String({
      pattern: '^\\d{1,3}(\\.\\d{1,2})?$',
      description: 'Put on import prices and standing charge; 0 when absent',
    }),
  ),
  standingPerDay: Decimal,
  importPrices: Type.Array(BandSchema, { minItems: 1, maxItems: 24 }),
  exportPrices: Type.Array(BandSchema, { maxItems: 24, description: 'Empty: export earns nothing' }),
})

/** Body of `POST /customers`: everything may be sent again without harm; what is sent replaces what was. */
export const ProvisionSchema = Type.Object(
  {
    tariffs: Type.Optional(Type.Array(TariffSchema, { maxItems: 1000 })),
    usagePoints: Type.Optional(
      Type.Array(
        Type.Object({
          id: Id,
          address: Line,
          zone: Type.String({ maxLength: 64 }),
          category: Type.String({ maxLength: 40 }),
          currency: Type.String({ pattern: '^[A-Z]{3}$' }),
          tariffs: Type.Array(Type.Object({ tariffId: Id, from: When, to: WhenOrNull }), { maxItems: 200 }),
        }),
        { maxItems: 5000 },
      ),
    ),
    customers: Type.Optional(
      Type.Array(
        Type.Object({
          id: Id,
          name: Line,
          usagePoints: Type.Array(Type.Object({ usagePointId: Id, from: When, to: WhenOrNull }), { maxItems: 200 }),
        }),
        { maxItems: 5000 },
      ),
    ),
    operators: Type.Optional(Type.Array(Type.Object({ id: Id, name: Line }), { maxItems: 100 })),
  },
  { additionalProperties: false },
)

/** What `POST /customers` takes. */
export type Provision = Static<typeof ProvisionSchema>

/** What `POST /customers` answers: how many of each were taken. */
export const ProvisionedSchema = Type.Object({
  tariffs: Type.Integer(),
  usagePoints: Type.Integer(),
  customers: Type.Integer(),
  operators: Type.Integer(),
})

/** Body of `POST /links`. */
export const LinkRequestSchema = Type.Object({
  accountId: Id,
  minutes: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10_080, description: 'How long it can be used; 60 when absent' }),
  ),
})

/** Answer of `POST /links`. `path` goes behind the portal's public URL. */
export const LinkSchema = Type.Object({
  token: Type.String({ description: 'Shown once and kept nowhere' }),
  path: Type.String({ description: '/sign-in#token=<token>: what follows # never leaves the browser by itself' }),
  expiresAt: Type.String(),
})

/** Body of `POST /grants`: a usage point is made known unless it is, and an account may see it. */
export const GrantSchema = Type.Object(
  {
    usagePoint: Type.Object({
      id: Id,
      address: Line,
      zone: Type.String({ maxLength: 64 }),
      category: Type.String({ maxLength: 40 }),
      currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    }),
    accountId: Type.Optional(Id),
  },
  { additionalProperties: false },
)

/** What `POST /grants` takes. */
export type Grant = Static<typeof GrantSchema>

/** What `POST /grants` answers. */
export const GrantedSchema = Type.Object({
  usagePointId: Type.String(),
  accountId: Type.Union([Type.String(), Type.Null()]),
})
