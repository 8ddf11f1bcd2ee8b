import type * as served from '../roles/access/schemas.ts'
import type * as wanted from '../web/src/api/types.ts'

/** Fails to compile unless what is served can be taken for what the screens want. */
type Fits<Served extends Wanted, Wanted> = Served

/** The faces of access beside the types the screens are written against; `tsc` compares them. */
export type Faces = [
  Fits<served.Me, wanted.Me>,
  Fits<served.Now, wanted.Now>,
  Fits<served.Summary, wanted.Summary>,
  Fits<served.Buckets, wanted.Buckets>,
  Fits<served.Intervals, wanted.Intervals>,
  Fits<served.TariffPeriod, wanted.TariffPeriod>,
  Fits<served.Overview, wanted.Overview>,
  Fits<served.MeterList, wanted.MeterList>,
  Fits<served.MeterDetail, wanted.MeterDetail>,
  Fits<served.MeterEvent, wanted.MeterEvent>,
  Fits<served.MeterSession, wanted.Session>,
  Fits<served.CommandView, wanted.CommandView>,
  Fits<served.DayCompleteness, wanted.DayCompleteness>,
]
