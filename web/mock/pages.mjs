// What the other pages show: runs, quarantine, tables, lineage, alerts. Fixed texts, no computing.
import { TODAY } from "./data.mjs";

const at = (minutesAgo) => new Date(Date.now() - minutesAgo * 60_000).toISOString();

const counts = (read, inserted, updated, duplicate, rejects = {}, orphans = 0) => ({
  rows_read: read,
  inserted,
  updated,
  duplicate,
  rejected: Object.values(rejects).reduce((sum, each) => sum + each, 0),
  orphans,
  rejects,
});
const file = (path, status, numbers, error) => ({
  path,
  status,
  sha256: "9f2c1e7a".repeat(8),
  ...(error ? { error } : {}),
  ...numbers,
});

function summary(number, failed) {
  const sales = failed ? counts(0, 0, 0, 0) : counts(1964, 1931, 12, 6, { missing: 11, range: 3, malformed: 1 }, 3);
  return {
    run_id: `run-${number}`,
    status: failed ? "error" : number % 3 === 0 ? "success" : "warning",
    seconds: failed ? 1.12 : 2.48 + (number % 5) / 10,
    started_at: at((41 - number) * 360 + 5),
    ended_at: at((41 - number) * 360 + 4),
    batch: failed ? null : number,
    steps: failed
      ? [
          { name: "land", seconds: 0.31, detail: "3 files to load" },
          { name: "load", seconds: 0.2, detail: "31 rows of 1 file" },
        ]
      : [
          { name: "land", seconds: 0.38, detail: "4 files to load" },
          { name: "load", seconds: 0.92, detail: "1995 rows of 3 files" },
          { name: "models", seconds: 0.41, detail: "5 models, 27 tests" },
          { name: "publish", seconds: 0.21, detail: `batch ${number}` },
          { name: "archive", seconds: 0.12, detail: "3 files" },
          { name: "reports", seconds: 0.18, detail: "8 written" },
        ],
    datasets: [
      {
        dataset: "customers",
        files: [file("inbox/customers/page-1.json", "already_loaded", counts(0, 0, 0, 0))],
        ...counts(0, 0, 0, 0),
      },
      {
        dataset: "products",
        files: [file("inbox/products/catalogue.json", "loaded", counts(31, 2, 1, 28))],
        ...counts(31, 2, 1, 28),
      },
      {
        dataset: "sales",
        ...sales,
        top_cause: failed
          ? null
          : {
              reason: "missing",
              rule: "required",
              column: "customer_id",
              rows: 11,
              share: 0.0056,
              money: "312.40",
              example: null,
              hint: "guests? set `required: false` at sources/sales.yml:8, then `shoplake run`",
            },
        files: failed
          ? [
              file(
                "inbox/sales/orders-broken.csv",
                "failed",
                sales,
                'row 1 has no column `transaction_id`: the header is `id;customer;item`. hint: name the column with `header: "id"` in sources/sales.yml:8, then run again',
              ),
            ]
          : [
              file(`inbox/sales/orders-${TODAY}.csv`, "loaded", counts(1214, 1193, 10, 4, { missing: 7 }, 3)),
              file(
                "inbox/sales/orders-late.csv",
                "loaded",
                counts(750, 738, 2, 2, { missing: 4, range: 3, malformed: 1 }),
              ),
            ],
      },
    ],
    models: [
      "daily_sales_summary",
      "top_products",
      "customer_lifetime_value",
      "sales_by_category",
      "sales_by_hour",
    ].map((name, index) => ({
      name,
      status: failed ? "skipped" : "success",
      rows: failed ? 0 : [534, 10, 871, 9, 168][index],
      seconds: failed ? 0 : 0.04 + index * 0.021,
    })),
    tests: failed
      ? { passed: 0, warned: 0, failed: 0, failures: [] }
      : {
          passed: 26,
          warned: 1,
          failed: 0,
          failures: [{ name: "sales.customer_id is in customers", rows: 3, blocks: false }],
        },
    reports: failed ? [] : [`lake/reports/daily/${TODAY}/report.html`],
  };
}

export function runs(shop) {
  if (shop.scenario === "empty") return [];
  const first = shop.scenario === "failed" ? [summary(42, true)] : [];
  const rest = Array.from({ length: 14 }, (_, index) => summary(41 - index, index === 6));
  return [...first, ...rest];
}

export const runRow = ({ run_id, started_at, ended_at, status, datasets, seconds }) => ({
  run_id,
  started_at,
  ended_at,
  status,
  seconds,
  rows: ["rows_read", "inserted", "updated", "duplicate", "rejected"].reduce(
    (sum, key) => ({ ...sum, [key]: datasets.reduce((total, each) => total + each[key], 0) }),
    {},
  ),
});

export const logs = (run) => [
  { at: run.started_at, level: "info", message: `run ${run.run_id} begins: 3 datasets` },
  { at: run.started_at, level: "info", message: "products: 31 rows read, 2 inserted, 1 updated, 28 duplicate" },
  ...(run.status === "error"
    ? [
        {
          at: run.ended_at,
          level: "error",
          message: "sales: orders-broken.csv failed and stays in landing; nothing of it is loaded",
        },
      ]
    : [
        { at: run.ended_at, level: "warn", message: "sales: 15 rows set aside, 348.92 EUR at stake" },
        { at: run.ended_at, level: "info", message: `batch ${run.batch} is published` },
      ]),
];

export function quarantine(shop) {
  if (shop.scenario === "empty") return [];
  return [
    {
      dataset: "sales",
      reason: "missing",
      rule: "required",
      column_name: "customer_id",
      rows: 86,
      money: "6120.44",
      example: "sales/orders-2025-06-14.csv:88",
      example_value: null,
    },
    {
      dataset: "sales",
      reason: "range",
      rule: "min 1",
      column_name: "quantity",
      rows: 17,
      money: "0.00",
      example: "sales/orders-2025-06-02.csv:12",
      example_value: "0",
    },
    {
      dataset: "sales",
      reason: "malformed",
      rule: "type decimal(12,2)",
      column_name: "amount",
      rows: 9,
      money: null,
      example: "sales/orders-2025-05-30.csv:301",
      example_value: "12,50",
    },
    {
      dataset: "products",
      reason: "missing",
      rule: "required",
      column_name: "product_id",
      rows: 2,
      money: null,
      example: "products/catalogue.json:19",
      example_value: null,
    },
  ];
}

export function quarantineRows(query) {
  const clusters = quarantine({ scenario: "usual" }).filter(
    (each) =>
      ["dataset", "reason", "rule"].every((key) => !query.get(key) || query.get(key) === each[key]) &&
      (!query.get("column") || query.get("column") === each.column_name),
  );
  return clusters
    .flatMap((each) =>
      Array.from({ length: Math.min(each.rows, 12) }, (_, index) => {
        const id = `T${String(9000 + index * 7).padStart(6, "0")}`;
        const raw = {
          customer_id: `${id},,P10${index % 9},1,29.99,2025-06-1${index % 8} 10:3${index % 6}:00`,
          quantity: `${id},C0${100 + index},P10${index % 9},0,0.00,2025-06-0${(index % 8) + 1} 18:02:11`,
          amount: `${id},C0${200 + index},P11${index % 9},1,"12,50",2025-05-30 09:1${index % 6}:45`,
          product_id: `{"product_id":"","name":"Item ${index}","price":9.90}`,
        }[each.column_name];
        return {
          dataset: each.dataset,
          source_file: each.example.split(":")[0],
          source_line: 12 + index * 31,
          reason: each.reason,
          rule: each.rule,
          column_name: each.column_name,
          value: each.example_value,
          violations: JSON.stringify([{ rule: each.rule, column: each.column_name }]),
          raw,
          run_id: `run-${40 - (index % 4)}`,
          quarantined_at: at(index * 700 + 30),
        };
      }),
    )
    .slice(0, Number(query.get("limit") ?? 100));
}

export const quarantineTrend = () =>
  Array.from({ length: 30 }, (_, index) => {
    const date = new Date(Date.parse(TODAY) - (29 - index) * 86_400_000).toISOString().slice(0, 10);
    return [
      { date, reason: "missing", rows: ((index * 7) % 5) + 1 },
      ...(index % 3 ? [{ date, reason: "range", rows: index % 4 }] : []),
      ...(index % 9 === 2 ? [{ date, reason: "malformed", rows: 3 }] : []),
    ];
  })
    .flat()
    .filter((each) => each.rows > 0);

const column = (name, type, description = "") => ({ name, type, description });
export const TABLES = [
  {
    name: "sales",
    kind: "dataset",
    rows: 33412,
    description: "One row a sale, as the shop exported it, with the names known at load.",
    columns: [
      column("transaction_id", "string", "The sale's own number: the key."),
      column("customer_id", "string"),
      column("product_id", "string"),
      column("quantity", "integer"),
      column("amount", "decimal(12,2)", "What was paid, in the shop's currency."),
      column("transaction_date", "timestamp", "When, in the shop's time zone."),
      column("year", "integer"),
      column("month", "integer"),
      column("day", "integer"),
      column("product_name", "string"),
      column("category", "string"),
      column("city", "string"),
      column("_source_file", "string", "The file it came from."),
      column("_source_line", "integer", "The line where it starts."),
      column("_run_id", "string"),
      column("_loaded_at", "timestamp"),
    ],
  },
  {
    name: "products",
    kind: "dataset",
    rows: 31,
    description: "The catalogue as it is now.",
    columns: [
      column("product_id", "string", "The key."),
      column("name", "string"),
      column("category", "string"),
      column("price", "decimal(18,4)"),
      column("stock", "integer"),
    ],
  },
  {
    name: "customers",
    kind: "dataset",
    rows: 900,
    description: "Customers as the shop's API gives them.",
    columns: [
      column("customer_id", "string", "The key."),
      column("name", "string"),
      column("email", "string", "Personal data."),
      column("city", "string"),
      column("signup_date", "date"),
    ],
  },
  {
    name: "quarantine",
    kind: "dataset",
    rows: 114,
    description: "Rows that were set aside, with file, line and every rule that they broke.",
    columns: [
      column("dataset", "string"),
      column("source_file", "string"),
      column("source_line", "integer"),
      column("reason", "string"),
      column("raw", "string"),
    ],
  },
  {
    name: "daily_sales_summary",
    kind: "model",
    rows: 534,
    description: "One row a day of the shop's calendar.",
    columns: [
      column("date", "date"),
      column("transaction_count", "integer"),
      column("total_revenue", "decimal", "Net revenue of the day."),
      column("avg_order_value", "decimal"),
      column("unique_customers", "integer"),
    ],
  },
  {
    name: "top_products",
    kind: "model",
    rows: 10,
    description: "The ten products with the highest revenue, all time.",
    columns: [
      column("product_id", "string"),
      column("name", "string"),
      column("order_count", "integer"),
      column("revenue", "decimal"),
    ],
  },
  {
    name: "customer_lifetime_value",
    kind: "model",
    rows: 871,
    description: "One row a known customer.",
    columns: [
      column("customer_id", "string"),
      column("name", "string"),
      column("total_orders", "integer"),
      column("lifetime_value", "decimal"),
      column("first_order", "timestamp"),
      column("last_order", "timestamp"),
    ],
  },
  {
    name: "sales_by_category",
    kind: "model",
    rows: 9,
    description: "Revenue by the category that the product has now.",
    columns: [column("category", "string"), column("order_count", "integer"), column("revenue", "decimal")],
  },
  {
    name: "sales_by_hour",
    kind: "model",
    rows: 168,
    description: "When customers buy: weekday and hour of the shop's clock.",
    columns: [
      column("day_of_week", "integer"),
      column("hour", "integer"),
      column("transaction_count", "integer"),
      column("revenue", "decimal"),
    ],
  },
].map((table) => ({ ...table, freshness: { loaded_at: at(4), status: "fresh" } }));

export function lineage(node) {
  const edges = [
    ["sales", "daily_sales_summary"],
    ["sales", "top_products"],
    ["products", "top_products"],
    ["sales", "customer_lifetime_value"],
    ["customers", "customer_lifetime_value"],
    ["sales", "sales_by_category"],
    ["products", "sales_by_category"],
    ["sales", "sales_by_hour"],
    ["daily_sales_summary", "dashboard sales"],
    ["sales_by_category", "dashboard sales"],
  ].map(([from, to]) => ({ from, to }));
  const [table, columnName] = node.split(".");
  if (columnName)
    return {
      nodes: [
        { id: "sales.amount", kind: "column" },
        { id: node, kind: "column" },
      ],
      edges: [{ from: "sales.amount", to: node }],
    };
  const near = edges.filter(
    (edge) =>
      edge.from === table || edge.to === table || edges.some((other) => other.from === table && other.to === edge.from),
  );
  const names = new Set([table, ...near.flatMap((edge) => [edge.from, edge.to])]);
  return {
    nodes: [...names].map((id) => ({
      id,
      kind: id.startsWith("dashboard") ? "dashboard" : (TABLES.find((each) => each.name === id)?.kind ?? "model"),
    })),
    edges: near,
  };
}

export const HEALTH = {
  trusted: false,
  verdict: "bad",
  checks: [
    { name: "run", verdict: "good", what: "the run of 2025-06-18 06:00 is published", act: null },
    { name: "tests", verdict: "good", what: "31 passed", act: null },
    {
      name: "freshness",
      verdict: "unwatched",
      what: "`products` was loaded 3 days ago, at 2024-03-12 06:00; nothing says how old it may be",
      act: "an alert with `when: { freshness: { dataset: products, older_than: 26h } }` would say so",
    },
    {
      name: "files",
      verdict: "bad",
      what: "1 file refused, 0 held back",
      act: "`shoplake status` says why, and what to do about each",
    },
    {
      name: "quarantine",
      verdict: "care",
      what: "124 rows set aside, 3 of them by the last run",
      act: "`shoplake quarantine ls` counts them by reason",
    },
  ],
};

export const ALERTS = [
  {
    name: "revenue_drop",
    title: "Revenue fell by a third against last week",
    state: "ok",
    unjudged: null,
    since: at(4000),
    last_checked: at(4),
    message: "1,912.30 EUR, a third below would be 1,344.10 EUR",
  },
  {
    name: "late_files",
    title: "No sales file for two days",
    state: "ok",
    unjudged: null,
    since: at(9000),
    last_checked: at(4),
    message: "the last file came 4 minutes ago",
  },
  {
    name: "rejects_high",
    title: "More than 0.5 % of rows set aside",
    state: "firing",
    unjudged: null,
    since: at(130),
    last_checked: at(4),
    message: "0.76 % of 1,964 rows; most have no `customer_id`",
  },
  {
    name: "stock_low",
    title: "Something is nearly sold out",
    state: "unjudged",
    since: null,
    last_checked: at(4),
    message: null,
    unjudged: {
      since: at(30),
      why: "there is no table `product`",
      act: "did you mean `products`?",
    },
  },
];

export const audit = () => ({
  first_break: null,
  entries: [
    { at: new Date(Date.now() - 3_600_000).toISOString(), who: "ines", what: "share.make", detail: "share-1 to sales" },
    { at: new Date(Date.now() - 9_600_000).toISOString(), who: "marta", what: "session.begin", detail: "" },
  ],
});
