/** Metrics of this role and what they mean. */
export const METRICS = {
  mdms_log_entries_total: "Entries read from the head-end's log",
  mdms_log_entries_refused_total: 'Entries that could not be opened or were not as their header says',
  mdms_intervals_total: 'Interval values delivered, by provenance',
} as const
