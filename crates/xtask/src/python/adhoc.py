"""Ten questions that an analyst asks of `sales`, answered by `shoplake query` and by DuckDB.

adhoc.py BINARY SHOP RUNS: SHOP was loaded once, so the Parquet files in its folder are the table. The two
take turns; minima are compared. Each question comes to a process that knows nothing yet: Shoplake's time is
that of `shoplake query`, DuckDB's that of a new connection, without the start of Python. Prints a JSON object a question, and one with the sums.
"""
import json, pathlib, subprocess, sys, time

import duckdb

QUESTIONS = {
    "revenue by month": "SELECT year, month, sum(amount) AS revenue, count(*) AS sales FROM sales GROUP BY year, month ORDER BY year, month",
    "revenue by category": "SELECT category, sum(amount) AS revenue FROM sales GROUP BY category ORDER BY category",
    "one month by day": "SELECT day, sum(amount) AS revenue, count(DISTINCT customer_id) AS customers FROM sales WHERE year = 2025 AND month = 3 GROUP BY day ORDER BY day",
    "top 20 products": "SELECT product_id, sum(amount) AS revenue FROM sales GROUP BY product_id ORDER BY revenue DESC, product_id LIMIT 20",
    "top 20 customers": "SELECT customer_id, sum(amount) AS revenue, count(*) AS sales FROM sales GROUP BY customer_id ORDER BY revenue DESC, customer_id LIMIT 20",
    "large sales of a city": "SELECT count(*) AS sales, avg(amount) AS average FROM sales WHERE city = 'Lyon' AND amount > 100",
    "customers in all": "SELECT count(DISTINCT customer_id) AS customers FROM sales",
    "category by city": "SELECT category, city, sum(amount) AS revenue, sum(quantity) AS pieces FROM sales GROUP BY category, city ORDER BY category, city",
    "one customer": "SELECT transaction_id, category, amount FROM sales WHERE customer_id = 'C4242' ORDER BY transaction_id",
    "repeat customers": "SELECT orders, count(*) AS customers FROM (SELECT customer_id, count(*) AS orders FROM sales GROUP BY customer_id) AS c GROUP BY orders ORDER BY orders",
}

binary, shop, runs = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
files = sorted(str(path) for path in (shop / "lake/processed/sales").glob("year=*/month=*/*.parquet"))
view = f"CREATE VIEW sales AS SELECT * FROM read_parquet({files!r}, hive_partitioning = true)"


def ours(sql):
    started = time.monotonic()
    done = subprocess.run([binary, "query", sql, "--output", "json", "--project-dir", shop], capture_output=True, check=True)
    return time.monotonic() - started, json.loads(done.stdout)


def theirs(sql):
    started = time.monotonic()
    with duckdb.connect() as connection:
        connection.execute(view)
        rows = connection.execute(sql).fetchall()
    return time.monotonic() - started, rows


sums = [0.0, 0.0]
for name, sql in QUESTIONS.items():
    times = ([], [])
    for _ in range(runs + 1):  # the first warms up
        (seconds, mine), (other_seconds, other) = ours(sql), theirs(sql)
        times[0].append(seconds)
        times[1].append(other_seconds)
    if len(mine) != len(other):
        sys.exit(f"{name}: {len(mine)} rows here, {len(other)} rows from DuckDB")
    for row, line in zip(mine, other):
        for cell, value in zip(row.values(), line):
            same = str(cell) == str(value)
            if not same and isinstance(value, (int, float)) or hasattr(value, "as_tuple"):
                same = abs(float(cell) - float(value)) <= 1e-4
            if not same and not hasattr(value, "isoformat"):
                sys.exit(f"{name}: {cell!r} here, {value!r} from DuckDB")
    best = [min(series[1:]) for series in times]
    sums = [total + least for total, least in zip(sums, best)]
    print(json.dumps({"question": name, "shoplake": best[0], "duckdb": best[1]}), flush=True)
print(json.dumps({"question": "sum of minima", "shoplake": sums[0], "duckdb": sums[1]}))
