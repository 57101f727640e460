"""Reads every Delta table of a shop with deltalake and with DuckDB's Delta extension, and holds
their rows and sums against `shoplake query`: readers.py BINARY SHOP (SHOP is made here).

The shop runs twice, the second time with corrections, so that tables hold removed files too.
DuckDB's extension is loaded from its PyPI package: nothing is downloaded.
"""
import csv, json, os, pathlib, subprocess, sys
from decimal import Decimal

import deltalake, duckdb, duckdb_extension_delta
import pyarrow as pa, pyarrow.compute as pc

BINARY, SHOP = sys.argv[1:3]
FAILURES = []


def shoplake(*args, ok=(0,)):
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, cwd=SHOP if os.path.isdir(SHOP) else None)
    if done.returncode not in ok:
        sys.exit(f"`shoplake {' '.join(args)}` ended with {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def query(sql):
    return json.loads(shoplake("query", sql, "--output", "json"))


def number(value):
    return Decimal(0) if value is None else Decimal(str(value))


def compare(what, got, want):
    if got != want:
        FAILURES.append(f"{what}: got {got}, `shoplake query` says {want}")


def correct_some_sales():
    """Drops a file that changes the amount of sales spread over the whole table."""
    columns = ["transaction_id", "customer_id", "product_id", "quantity", "amount", "transaction_date"]
    rows = query(f"SELECT {', '.join(columns)} FROM sales ORDER BY transaction_id")
    inbox = pathlib.Path(SHOP, "inbox/sales")
    inbox.mkdir(parents=True, exist_ok=True)
    with open(inbox / "corrections.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows[:: max(1, len(rows) // 50)]:
            writer.writerow([row[c] if c != "amount" else Decimal(row[c]) + 1 for c in columns])


def sums(schema):
    """The columns whose sums are compared: exact numbers only."""
    return [f.name for f in schema if pa.types.is_integer(f.type) or pa.types.is_decimal(f.type)]


def check(path, name, duck):
    table = deltalake.DeltaTable(path)
    protocol = table.protocol()
    compare(f"{name}: minimum reader version", protocol.min_reader_version, 1)
    data = table.to_pyarrow_table()
    numbers, columns = sums(data.schema), data.schema.names
    wanted = ["count(*) AS rows_in_all"] + [f'count("{c}") AS n{i}' for i, c in enumerate(columns)]
    wanted += [f'sum("{c}") AS s{i}' for i, c in enumerate(numbers)]
    ours = query(f"SELECT {', '.join(wanted)} FROM {name}")[0]
    ours = [number(ours["rows_in_all"])] + [number(ours[f"n{i}"]) for i in range(len(columns))] + [number(ours[f"s{i}"]) for i in range(len(numbers))]
    delta = [data.num_rows] + [len(data[c]) - data[c].null_count for c in columns] + [number(pc.sum(data[c]).as_py()) for c in numbers]
    compare(f"{name} in deltalake", [number(v) for v in delta], ours)
    texts = [f.name for f in data.schema if pa.types.is_string(f.type) and data[f.name].null_count < data.num_rows]
    for column in texts:
        # A column without bounds must not be taken for an empty one.
        value = data[column].drop_null()[-1]
        found = table.to_pyarrow_dataset().to_table(filter=pc.field(column) == value).num_rows
        compare(f"{name} in deltalake where {column} = {value}", found, pc.sum(pc.equal(data[column], value)).as_py())
    scanned = duck.sql(f"SELECT {', '.join(wanted)} FROM delta_scan('{path}')").fetchone()
    compare(f"{name} in DuckDB", [number(v) for v in scanned], ours)
    print(f"   {name}: {data.num_rows} rows, version {table.version()}, {len(numbers)} sums, {len(texts)} filters")


def main():
    shoplake("init", SHOP, "--sample", "--timezone", "UTC")
    shoplake("run", ok=(0, 1))
    correct_some_sales()
    shoplake("run", ok=(0, 1))
    duck = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    extension = next(pathlib.Path(duckdb_extension_delta.__file__).parent.rglob("*.duckdb_extension"))
    duck.execute(f"LOAD '{extension}'")
    lake = pathlib.Path(SHOP, "lake")
    tables = sorted(log.parent for log in lake.rglob("_delta_log"))
    for path in tables:
        check(str(path), path.name, duck)
    expected = {"sales", "products", "customers", "quarantine", "daily_sales_summary", "top_products",
                "customer_lifetime_value", "sales_by_category", "sales_by_hour"}
    missing = expected - {path.name for path in tables}
    if missing:
        FAILURES.append(f"no Delta table for {', '.join(sorted(missing))}")
    if FAILURES:
        sys.exit("\n".join(FAILURES))


main()
