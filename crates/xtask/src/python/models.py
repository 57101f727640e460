"""Holds every view of the template against a calculation in plain Python, and every model against real dbt:
models.py BINARY SHOP ZONE [DATA] (SHOP is made here; DATA holds sales.csv, products.json, customers.json).

The calculation reads the sales as loaded, with their moments in UTC, and counts days, months and hours itself; the
checks of ../shared/checks hold those sales against the files. dbt builds the shop's own models/ with dbt-duckdb, whose
`delta` plugin reads the lake's Delta tables with Python's deltalake.
"""
import json, math, os, pathlib, shutil, subprocess, sys, time
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, ROUND_HALF_UP
from itertools import permutations
from zoneinfo import ZoneInfo

import deltalake
import duckdb

BINARY, SHOP, ZONE = sys.argv[1:4]
DATA = sys.argv[4] if len(sys.argv) > 4 else None
FAILURES, CHECKED = [], [0]


def shoplake(*args, ok=(0,)):
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, cwd=SHOP if os.path.isdir(SHOP) else None)
    if done.returncode not in ok:
        sys.exit(f"`shoplake {' '.join(args)}` ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-3000:]}")
    return done.stdout


def query(sql):
    return json.loads(shoplake("query", sql, "--output", "json", "--limit", "0"))


def share(part, whole):
    """part / whole, 4 places, half away from zero."""
    if not whole:
        return None
    quotient = abs(Decimal(part) * 10000 / Decimal(whole)).quantize(Decimal(1), ROUND_HALF_UP) / 10000
    return -quotient if (part < 0) != (whole < 0) else quotient


def plain(value):
    if isinstance(value, (bool, int)) or value is None:
        return value
    if isinstance(value, float):
        return round(Decimal(value), 6)
    if isinstance(value, (date, datetime)):
        return str(value)
    if isinstance(value, Decimal):
        return value.normalize() + 0
    try:
        return Decimal(value).normalize() + 0
    except Exception:
        return value


def compare(what, got, want, key):
    """Rows as dictionaries, in any order; `key` names them."""
    CHECKED[0] += 1
    index = lambda rows: {tuple(plain(r[k]) for k in key): {c: plain(v) for c, v in r.items()} for r in rows}
    got_rows, want_rows = index(got), index(want)
    if len(got) != len(got_rows):
        FAILURES.append(f"{what}: {key} does not name its rows")
    wrong = [k for k in got_rows.keys() | want_rows.keys() if got_rows.get(k) != want_rows.get(k)]
    for k in sorted(wrong, key=str)[:3]:
        FAILURES.append(f"{what} at {k}: got {got_rows.get(k)}, want {want_rows.get(k)}")
    if wrong:
        FAILURES.append(f"{what}: {len(wrong)} of {len(want_rows)} rows differ")


class Truth:
    """The figures, row by row."""

    def __init__(self, sales, products, customers):
        zone = ZoneInfo(ZONE)
        for s in sales:
            s["amount"] = Decimal(s["amount"])
            s["local"] = datetime.fromisoformat(s["transaction_date"].replace("Z", "+00:00")).astimezone(zone)
            s["day"] = s["local"].date()
        self.zone, self.sales = zone, sales
        self.products = {p["product_id"]: p for p in products}
        self.customers = {c["customer_id"]: c for c in customers}
        self.first_day, self.last_day = min(s["day"] for s in sales), max(s["day"] for s in sales)

    def sales_by_city(self):
        cities = defaultdict(lambda: [set(), 0, Decimal(0)])
        for s in self.sales:
            known = self.customers.get(s["customer_id"])
            city = "(guest)" if s["customer_id"] is None else known["city"] if known else "(unknown customer)"
            cities[city][0].add(s["customer_id"]); cities[city][1] += 1; cities[city][2] += s["amount"]
        total = sum(c[2] for c in cities.values())
        return [dict(city=k, customers=len(v[0] - {None}), order_count=v[1], revenue=v[2], revenue_pct=share(100 * v[2], total))
                for k, v in cities.items()]

    def new_and_returning_customers(self):
        first = {}
        for s in self.sales:
            if s["customer_id"] is not None:
                first[s["customer_id"]] = min(first.get(s["customer_id"], s["day"]), s["day"])
        days = defaultdict(lambda: dict(new=set(), returning=set(), count=Counter(), revenue=defaultdict(Decimal)))
        for s in self.sales:
            who, day = s["customer_id"], days[s["day"]]
            kind = "guest" if who is None else "new" if first[who] == s["day"] else "returning"
            if who is not None:
                day[kind].add(who)
            day["count"][kind] += 1; day["revenue"][kind] += s["amount"]
        return [dict(date=d, new_customers=len(v["new"]), returning_customers=len(v["returning"]),
                     returning_customer_pct=share(100 * len(v["returning"]), len(v["new"] | v["returning"])),
                     **{f"{k}_order_count": v["count"][k] for k in ("new", "returning", "guest")},
                     **{f"{k}_revenue": v["revenue"][k] for k in ("new", "returning", "guest")}) for d, v in days.items()]

    def cohort_retention(self):
        months = defaultdict(set)
        for s in self.sales:
            if s["customer_id"] is not None:
                months[s["customer_id"]].add(s["day"].year * 12 + s["day"].month - 1)
        last = self.last_day.year * 12 + self.last_day.month - 1
        is_over = (self.last_day + timedelta(days=1)).month != self.last_day.month
        cohorts, rows = defaultdict(list), []
        for seen in months.values():
            cohorts[min(seen)].append(seen)
        for cohort, members in cohorts.items():
            for since in range(last - min(cohorts) + 1):
                month = cohort + since
                active = None if month > last else sum(month in seen for seen in members)
                mature = since == 0 or month < last or month == last and is_over
                rows.append(dict(cohort_month=date(cohort // 12, cohort % 12 + 1, 1), months_since=since,
                                 cohort_customers=len(members), active_customers=active,
                                 retention_pct=share(100 * active, len(members)) if mature else None))
        return rows

    def customer_rfm(self):
        buyers = {}
        for s in self.sales:
            if s["customer_id"] in self.customers:
                b = buyers.setdefault(s["customer_id"], [s["day"], 0, Decimal(0)])
                b[0] = max(b[0], s["day"]); b[1] += 1; b[2] += s["amount"]
        scores = defaultdict(list)
        for measure in range(3):
            values = sorted(b[measure] for b in buyers.values())
            first = {}
            for place, value in enumerate(values):
                first.setdefault(value, place)
            for who, b in buyers.items():
                # Percent rank as a fraction: below 1/5, 2/5, 3/5, 4/5 or not.
                scores[who].append(min(5, 1 + 5 * first[b[measure]] // max(1, len(values) - 1)))
        rows = []
        for who, known in self.customers.items():
            b = buyers.get(who)
            r, f, m = scores.get(who, (None, None, None))
            rows.append(dict(customer_id=who, name=known["name"], as_of=self.last_day, last_order_date=b and b[0],
                             days_since_last_order=b and (self.last_day - b[0]).days, total_orders=b[1] if b else 0,
                             lifetime_value=b[2] if b else 0, recency_score=r, frequency_score=f, monetary_score=m,
                             rfm_group=self.group(r, f, m)))
        return rows

    @staticmethod
    def group(r, f, m):
        if r is None:
            return "PROSPECTS"
        fm = (f + m) / 2
        strong, some = fm >= 4, fm >= 2.5
        if r >= 3:
            if strong: return "CHAMPIONS" if r == 5 else "LOYAL"
            if some: return "ACTIVE" if r >= 4 else "NEEDS_ATTENTION"
            return "NEW" if r == 5 else "PROMISING"
        if fm >= 4.5: return "PREVIOUSLY_LOYAL"
        if some: return "AT_RISK"
        return "ALMOST_LOST" if r == 2 else "DORMANT"

    def rfm_segments(self):
        names = ["CHAMPIONS", "LOYAL", "ACTIVE", "NEW", "PROMISING", "NEEDS_ATTENTION", "ALMOST_LOST", "AT_RISK",
                 "PREVIOUSLY_LOYAL", "DORMANT", "PROSPECTS"]
        members = self.customer_rfm()
        total = sum(c["lifetime_value"] for c in members)
        rows = []
        for place, name in enumerate(names, 1):
            own = [c for c in members if c["rfm_group"] == name]
            days = [c["days_since_last_order"] for c in own if c["days_since_last_order"] is not None]
            revenue = sum(c["lifetime_value"] for c in own)
            rows.append(dict(place=place, rfm_group=name, customers=len(own), customers_pct=share(100 * len(own), len(members)),
                             total_orders=sum(c["total_orders"] for c in own), revenue=revenue,
                             revenue_pct=share(100 * revenue, total),
                             avg_days_since_last_order=share(sum(days), len(own)) if days else None))
        return rows

    def abc_classes(self):
        start = self.last_day - timedelta(days=89)
        sums = {p: [0, 0, Decimal(0)] for p in self.products}
        for s in self.sales:
            if s["day"] >= start:
                one = sums.setdefault(s["product_id"], [0, 0, Decimal(0)])
                one[0] += 1; one[1] += s["quantity"]; one[2] += s["amount"]
        total, running, rows = sum(max(v[2], 0) for v in sums.values()), Decimal(0), []
        for product, (count, units, revenue) in sorted(sums.items(), key=lambda item: (-item[1][2], item[0])):
            earned, before = max(revenue, 0), running
            running += earned
            graded = "U" if count == 0 else "C" if earned == 0 else \
                "A" if before / total < Decimal("0.8") else "B" if before / total < Decimal("0.95") else "C"
            name = self.products[product]["name"] if product in self.products else None
            rows.append(dict(product_id=product, name=name, first_day=start, last_day=self.last_day, order_count=count,
                             units=units, revenue=revenue, revenue_pct=share(100 * earned, total),
                             cumulative_pct=share(100 * running, total), abc_class=graded))
        return rows

    def basket_pairs(self):
        start = self.last_day - timedelta(days=89)
        baskets = defaultdict(set)
        for s in self.sales:
            if s["day"] >= start and s["customer_id"] is not None and s["quantity"] > 0:
                baskets[s["customer_id"], s["day"]].add(s["product_id"])
        baskets = [b for b in baskets.values() if len(b) > 1]
        single, double = Counter(), Counter()
        for b in baskets:
            single.update(b); double.update(permutations(b, 2))
        name = lambda p: self.products[p]["name"] if p in self.products else None
        rows, n, z2 = [], len(baskets), 1.96 ** 2
        for (a, b), both in double.items():
            if both >= 5:
                p, of = both / single[a], single[a]
                half = 1.96 * math.sqrt(p * (1 - p) / of + z2 / (4 * of * of))
                low, high = (100 * (p + z2 / (2 * of) + side * half) / (1 + z2 / of) for side in (-1, 1))
                rows.append(dict(product_id=a, name=name(a), other_product_id=b, other_name=name(b), baskets=n,
                                 product_baskets=of, other_product_baskets=single[b], both_baskets=both,
                                 support_pct=share(100 * both, n), confidence_pct=share(100 * both, of),
                                 confidence_low_pct=round(low, 5), confidence_high_pct=round(high, 5),
                                 lift=share(both * n, of * single[b])))
        return rows

    def stock_cover(self):
        start = max(self.first_day, self.last_day - timedelta(days=27))
        days, sold, rows = (self.last_day - start).days + 1, Counter(), []
        for s in self.sales:
            if s["day"] >= start:
                sold[s["product_id"]] += max(0, s["quantity"])
        for product, known in self.products.items():
            stock, units = known["stock"], sold[product]
            status = "unknown" if stock is None else "oversold" if stock < 0 else "out of stock" if stock == 0 else \
                "no sales" if units == 0 else "in stock"
            rows.append(dict(product_id=product, name=known["name"], as_of=self.last_day, days=days, stock=stock,
                             units_sold=units, avg_units_per_day=share(units, days),
                             days_of_cover=share(stock * days, units) if stock is not None and stock >= 0 else None,
                             stock_status=status))
        return rows

    def sales_heatmap(self):
        hours, sold = Counter(), defaultdict(lambda: [0, Decimal(0)])
        moment = datetime.combine(self.first_day - timedelta(days=2), datetime.min.time(), timezone.utc)
        while (local := moment.astimezone(self.zone)).date() <= self.last_day + timedelta(days=1):
            if self.first_day <= local.date() <= self.last_day:
                hours[local.isoweekday(), local.hour] += 1
            moment += timedelta(hours=1)
        for s in self.sales:
            one = sold[s["local"].isoweekday(), s["local"].hour]
            one[0] += 1; one[1] += s["amount"]
        return [dict(day_of_week=d, hour=h, hours=n, transaction_count=sold[d, h][0], revenue=sold[d, h][1],
                     avg_transaction_count=share(sold[d, h][0], n), avg_revenue=share(sold[d, h][1], n))
                for (d, h), n in hours.items()]


VIEWS = dict(sales_by_city=["city"], new_and_returning_customers=["date"], cohort_retention=["cohort_month", "months_since"],
             customer_rfm=["customer_id"], rfm_segments=["rfm_group"], abc_classes=["product_id"],
             basket_pairs=["product_id", "other_product_id"], stock_cover=["product_id"], sales_heatmap=["day_of_week", "hour"])
STORED = dict(daily_sales_summary=["date"], top_products=["product_id"], customer_lifetime_value=["customer_id"],
              sales_by_category=["category"], sales_by_hour=["day_of_week", "hour"])


def make_shop():
    """A shop that has run twice, with guests, corrections and late rows."""
    shutil.rmtree(SHOP, ignore_errors=True)
    shoplake("init", SHOP, "--timezone", ZONE)
    contract = pathlib.Path(SHOP, "sources/sales.yml")
    text = contract.read_text()
    guest = text.replace("{ name: customer_id,      type: string,        required: true,", "{ name: customer_id,      type: string,        required: false,")
    assert guest != text, "the contract of sales reads otherwise"
    contract.write_text(guest)
    if DATA:
        for name in ("sales.csv", "products.json", "customers.json"):
            shutil.copy(pathlib.Path(DATA, name), pathlib.Path(SHOP, "inbox", name.split(".")[0]))
    else:
        shoplake("generate", "--rows", "12000", "--seed", "11", "--days", "120", "--start", "2024-01-15")
        # A day of the past comes late, after all the others.
        late = sorted(pathlib.Path(SHOP, "inbox/sales").iterdir())[40]
        shutil.move(late, pathlib.Path(SHOP, "late.csv"))
        shoplake("run", ok=(0, 1))
        shutil.move(pathlib.Path(SHOP, "late.csv"), pathlib.Path(SHOP, "inbox/sales/late.csv"))
        products = [dict(product_id=f"X{n}", name=f"Extra {n}", category=None, price="1.00", stock=stock)
                    for n, stock in enumerate((None, -3, 0, 7))]
        pathlib.Path(SHOP, "inbox/products/extra.json").write_text(json.dumps(products))
    shoplake("run", ok=(0, 1))


def independent():
    sales = query("SELECT transaction_id, customer_id, product_id, quantity, amount, transaction_date FROM sales")
    truth = Truth(sales, query("SELECT * FROM products"), query("SELECT * FROM customers"))
    for view, key in VIEWS.items():
        got, want = query(f"SELECT * FROM {view}"), getattr(truth, view)()
        if view == "basket_pairs":
            # The interval is a float: a ten-thousandth of a percent either way is the same.
            rows = {(row["product_id"], row["other_product_id"]): row for row in want}
            for row in got:
                other = rows.get((row["product_id"], row["other_product_id"]), row)
                for bound in ("confidence_low_pct", "confidence_high_pct"):
                    if abs(float(row[bound]) - float(other[bound])) < 0.00011:
                        row[bound] = other[bound]
        compare(f"{view} against plain Python", got, want, key)
        if not want:
            FAILURES.append(f"{view} has no row to compare")
    print(f"   {len(sales)} sales, {CHECKED[0]} views hold against plain Python")


def dbt():
    began = time.monotonic()
    profiles = pathlib.Path(SHOP, ".shoplake/dbt-profiles")
    profiles.mkdir(parents=True, exist_ok=True)
    database = profiles / "built.duckdb"
    # One thread: with two, dbt-duckdb now and then changes a dictionary that it walks.
    settings = dict(type="duckdb", path=str(database), threads=1, plugins=[dict(module="delta")])
    (profiles / "profiles.yml").write_text(json.dumps(dict(shop=dict(target="dev", outputs=dict(dev=settings)))))
    command = [str(pathlib.Path(sys.executable).with_name("dbt")), "--no-use-colors", "build", "--profiles-dir", str(profiles)]
    done = subprocess.run(command, cwd=SHOP, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"`dbt build` ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    summary = next((line for line in reversed(done.stdout.splitlines()) if "Done. PASS" in line), "").split("  ")[-1]
    built = duckdb.connect(str(database), read_only=True)
    # What the plugin reads lives as long as dbt's own process: the views need it here too.
    for dataset in ("sales", "products", "customers"):
        table = deltalake.DeltaTable(str(pathlib.Path(SHOP, "lake/processed", dataset)))
        built.register(f"built_main_{dataset}_df", table.to_pyarrow_dataset())
    before = CHECKED[0]
    for model, key in {**STORED, **VIEWS}.items():
        rows = built.execute(f"SELECT * FROM {model}")
        names = [column[0] for column in rows.description]
        theirs = [dict(zip(names, [v.astimezone(timezone.utc).isoformat() if isinstance(v, datetime) and v.tzinfo else v for v in row]))
                  for row in rows.fetchall()]
        ours = query(f"SELECT * FROM {model}")
        for row in ours:
            row.update({c: datetime.fromisoformat(v.replace("Z", "+00:00")).isoformat() for c, v in row.items()
                        if c in ("first_order", "last_order")})
        compare(f"{model} as dbt makes it", theirs, ours, key)
    print(f"   dbt: {summary or 'built'}; {CHECKED[0] - before} models hold the same rows, in {time.monotonic() - began:.0f} s")


make_shop()
independent()
dbt()
if FAILURES:
    sys.exit("\n".join(FAILURES))
