export { CsvDecoder, type CsvRow, csvLine, detectDelimiter } from './csv.ts'
export { type Decimal, digitsAt, readDecimal } from './decimal.ts'
export { type ExchangeCode, ExchangeError } from './exchange-error.ts'
export {
  detectStep,
  integerAt,
  type PlacedValue,
  planTable,
  ScalerFinder,
  type TableHints,
  type TableNotes,
  TablePlacer,
  type TablePlan,
  type ValueColumn,
} from './interval-table.ts'
export { instantsOfWall } from './wall-times.ts'
