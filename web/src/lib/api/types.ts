// What the API answers, as /work/briefs/api.md and `/api/openapi.json` describe it. Amounts are decimal strings.
import type { Dimension } from "../state/filters";

export interface Problem {
  title: string;
  status: number;
  detail?: string;
  hint?: string;
  errors?: PlacedError[];
  /** What stands where something else was to be written; null where nothing does any more. */
  present?: string | null;
  /** Where in a query it is wrong. */
  line?: number;
  column?: number;
}
export interface PlacedError {
  file: string;
  line: number;
  column: number;
  message: string;
  hint?: string | null;
}
export type Role = "viewer" | "analyst" | "operator" | "admin";
/** A link's fixed filters: by name, or as pairs of name and value. */
export type SharedFilters = Record<string, string | string[]> | [string, string][];

export interface SharedView {
  /** A dashboard as code; none is the sales page. */
  dashboard: string | null;
  title?: string;
  filters: SharedFilters;
  expires_at: string | null;
}
export interface Session {
  user: string | null | { name: string };
  role: Role | null;
  csrf: string | null;
  sign_in_required: boolean;
  /** Of one who has not signed in only the name is known. */
  shop: { name: string; time_zone?: string; currency?: string; today?: string };
  version: string | null;
  share?: SharedView | null;
}
/** `unfinished`: told to end, or gone with its process. */
export type RunStatus = "success" | "warning" | "error" | "running" | "unfinished";
export interface Trust {
  data_until: string | null;
  loaded_at: string | null;
  batch: number | null;
  quarantine: { rows: number; money: string | null };
  tests: { passed: number; warned: number; failed: number };
  last_run: { run_id: string; status: RunStatus; ended_at: string | null } | null;
  /** What the project's files say that does not hold: mistakes in them, and keys that wait for a restart. */
  project: { mistakes: PlacedError[]; restart_for: string[] };
}
export interface Totals {
  revenue: string;
  transactions: number;
  average_order_value: string | null;
  unique_customers: number;
}
export interface Summary {
  period: { from: string; to: string };
  compare: { from: string; to: string } | null;
  current: Totals;
  previous: Totals | null;
}
export interface PeriodFigure {
  revenue: string;
  previous: string | null;
  change: string | number | null;
  from?: string;
  to?: string;
  compare?: { from: string; to: string } | null;
}
export interface Periods {
  as_of: string;
  /** Null on a link whose days do not hold all of it. */
  today: PeriodFigure | null;
  week: PeriodFigure | null;
  month: PeriodFigure | null;
}
export interface TrendPoint {
  at: string;
  revenue: string;
  transactions: number;
  unique_customers?: number;
}
export interface Trend {
  points: TrendPoint[];
  previous: TrendPoint[] | null;
  unfinished: string | null;
}
export interface ProductRow {
  product_id: string;
  name: string | null;
  revenue: string;
  order_count: number;
}
export interface TopProducts {
  rows: ProductRow[];
  other: { revenue: string; order_count: number } | null;
}
export interface CategoryRow {
  category: string | null;
  revenue: string;
  order_count: number;
  share: string | number;
}
export interface SegmentRow {
  segment: string;
  customers: number;
  revenue: string;
}
export interface HeatCell {
  day_of_week: number;
  hour: number;
  transactions: number;
  revenue: string;
}
export interface Transaction {
  transaction_id: string;
  transaction_date: string;
  customer_id: string | null;
  customer_name: string | null;
  product_id: string | null;
  product_name: string | null;
  category: string | null;
  city: string | null;
  quantity: number;
  amount: string;
  _source_file: string;
  _source_line: number;
}
export interface Transactions {
  rows: Transaction[];
  next: string | null;
}
export interface FilterValue {
  value: string;
  label: string;
  count: number;
}
export type FilterField = Exclude<Dimension, "weekday" | "hour">;

export interface Counts {
  rows_read: number;
  inserted: number;
  updated: number;
  duplicate: number;
  rejected: number;
  orphans?: number;
  rejects?: Record<string, number>;
}
export interface RunRow {
  run_id: string;
  started_at: string;
  ended_at: string | null;
  status: RunStatus;
  seconds?: number;
  rows: Partial<Counts>;
}
export interface RunFile extends Counts {
  path: string;
  status: "loaded" | "already_loaded" | "held" | "failed";
  error?: string;
}
export interface RunDetail {
  run_id: string;
  status: RunStatus;
  seconds?: number;
  started_at?: string;
  ended_at?: string | null;
  log?: LogLine[];
  steps?: { name: string; seconds: number; detail?: string | null }[];
  /** A run that goes on has none of these yet. */
  datasets?: (Counts & { dataset: string; files: RunFile[]; top_cause?: TopCause | null })[];
  models?: { name: string; status: string; rows: number; seconds: number; error?: string }[];
  tests?: {
    passed: number;
    warned: number;
    failed: number;
    failures?: { name: string; rows: number; blocks: boolean }[];
  };
  reports?: string[];
  /** What kept it from going on, or from doing all. */
  problems?: string[];
}
export interface TopCause {
  reason: string;
  rule: string;
  column: string | null;
  rows: number;
  money: string | null;
  hint: string | null;
}
export interface LogLine {
  at: string;
  level: string;
  message: string;
}
/** A line of the log that is kept. */
export interface KeptLine extends LogLine {
  run?: string;
  step?: string;
  dataset?: string;
  file?: string;
  fields?: Record<string, unknown>;
}
export interface Cluster {
  dataset: string;
  reason: string;
  rule: string;
  column_name: string | null;
  rows: number;
  money: string | null;
  example: string | null;
  example_value: string | null;
}
export interface QuarantineRow {
  dataset: string;
  source_file: string;
  source_line: number;
  reason: string;
  rule: string;
  column_name: string | null;
  value: string | null;
  violations: unknown;
  raw: string;
  run_id: string;
  quarantined_at: string;
}
export interface RejectPoint {
  date: string;
  reason: string;
  rows: number;
}
export interface TableColumn {
  name: string;
  type: string;
  description?: string | null;
}
export interface TableInfo {
  name: string;
  kind: string;
  columns: TableColumn[];
  rows: number | null;
  freshness?: { loaded_at?: string | null; status?: string } | string | null;
  description?: string | null;
}
export interface Lineage {
  nodes: ({ id: string; kind?: string } | string)[];
  edges: ({ from: string; to: string } | [string, string])[];
}
export interface QueryResult {
  columns: { name: string; type: string }[];
  rows: Cell[][];
  truncated?: boolean;
  ignored_filters?: string[];
  /** Whether the SQL behind a tile keeps the first rows of all: no filter is put on what is left. */
  cut?: boolean;
  /** How the figure of a KPI tile comes of its rows; `of` is the day of the last value. */
  figure?: { made: "sum" | "average" | "last"; of: string | null } | null;
  scanned_bytes?: number | null;
  seconds?: number | null;
}
export type Cell = string | number | boolean | null;

export const TILE_TYPES = [
  "kpi",
  "line",
  "bar",
  "pie",
  "table",
  "heatmap",
  "area",
  "scatter",
  "funnel",
  "text",
] as const;
export type TileType = (typeof TILE_TYPES)[number];
export interface Tile {
  id: string;
  type: TileType;
  title: string;
  width?: number | null;
  model?: string | null;
  sql?: string | null;
  x?: string | null;
  y?: string | null;
  value?: string | null;
  columns?: string[] | null;
  sort?: string[];
  limit?: number | null;
  text?: string | null;
  description?: string | null;
}
export interface Dashboard {
  name: string;
  title: string | null;
  description?: string | null;
  filters?: unknown[];
  tiles: Tile[];
  errors: PlacedError[];
}
export interface Share {
  id?: string;
  token_id?: string;
  dashboard: string | null;
  filters: SharedFilters;
  expires_at: string | null;
  created_at?: string;
  created_by?: string;
}
/** What `shoplake doctor` says: one check after the other, each with what to do where something is. */
export interface Health {
  trusted: boolean;
  verdict: Verdict;
  /** `unwatched`: nothing says what would be good. */
  checks: { name: string; verdict: Verdict | "unwatched"; what: string; act: string | null }[];
}
export type Verdict = "good" | "care" | "bad";
export interface Alert {
  name: string;
  title: string;
  state: "ok" | "firing" | "muted" | "unjudged";
  since: string | null;
  message: string | null;
  /** Why it cannot be judged; it stands as it stood then. */
  unjudged: { since: string; why: string; act: string } | null;
  last_checked: string | null;
}
