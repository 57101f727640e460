//! Mistakes that people make, all named at once, as they read them.

use insta::assert_snapshot;

use crate::support::{SHOPS, mistakes};

#[test]
fn keys_and_shapes() {
    let sales = "\
name: sales
format: tsv
from: { file: \"inbox/sales/*\" }
colums: []
columns:
  - { name: id, type: string, requird: true }
  - { name: note, type: string, required: 1 }
  - { name: 5, type: string }
  - { type: string }
  - just text
key: id
schema_change: { columns: evolv }
reject_limit: half
description:
";
    assert_snapshot!(mistakes(&[("sources/sales.yml", sales)], &[]), @r"
    sources/sales.yml:2:9: `format` cannot be `tsv`
      hint: did you mean `csv`?
    sources/sales.yml:3:9: unknown key `file`
      hint: did you mean `files`?
    sources/sales.yml:4:1: unknown key `colums`
      hint: did you mean `columns`?
    sources/sales.yml:6:31: unknown key `requird`
      hint: did you mean `required`?
    sources/sales.yml:7:43: `required` must be true or false, found the number `1`
      hint: write `true` or `false`
    sources/sales.yml:8:13: `name` must be text, found the number `5`
      hint: put it in quotes
    sources/sales.yml:9:5: `name` is missing
      hint: add `name: …` there
    sources/sales.yml:10:5: an item of `columns` must be a map, found `just text`
      hint: write a map: `{ key: value }`
    sources/sales.yml:11:6: `key` must be a list, found `id`
      hint: write a list: `[one, two]`
    sources/sales.yml:12:27: `columns` cannot be `evolv`
      hint: did you mean `evolve`?
    sources/sales.yml:13:15: `reject_limit` must be a number, found `half`
      hint: write a number, without quotes
    ");
}

#[test]
fn settings() {
    let settings = "\
name: shop
scedule: \"0 6 * * *\"
schedule: \"0 0 30 2 *\"
time_zone: Berlin
currency: eur
target: prod
targets: { local: { lake: \"gs://bucket/lake\", lease: 0 } }
limits: { memory: lots, threads: -1 }
";
    assert_snapshot!(mistakes(&[("shoplake.yml", settings)], &[]), @r"
    shoplake.yml:2:1: unknown key `scedule`
      hint: did you mean `schedule`?
    shoplake.yml:3:11: `schedule`: it never fires: no such day in that month
      hint: for example `0 6 * * *`: every day at 6:00
    shoplake.yml:4:12: `Berlin` is not a time zone
      hint: did you mean `Europe/Berlin`?
    shoplake.yml:5:11: `eur` is not a currency
      hint: write `EUR`
    shoplake.yml:6:9: there is no target `prod`
      hint: there is only the target `local`
    shoplake.yml:7:27: a lake cannot be at `gs://…`
      hint: write a folder (`lake: lake`), `s3://bucket/prefix`, or `file:///folder` of a disk that machines share
    shoplake.yml:7:54: `0` is not a length of time
      hint: for example `30s` or `2m`
    shoplake.yml:8:19: `lots` is not a size
      hint: for example `512MB` or `16GB`
    shoplake.yml:8:34: `threads` must be 0 or more
      hint: correct it there, then `shoplake check`
    ");
    assert_snapshot!(mistakes(&[("shoplake.yml", "name: shop\nversion: 2\nnew_key: 1\n")], &[]), @r"
    shoplake.yml:2:10: the project format is 2, this shoplake reads up to 1
      hint: install a newer shoplake
    ");
    let nearly = "name: shop\ntime_zone: Europe/Belrin\ncurrency: EURO\nschedule: \"61 * * * *\"\n";
    assert_snapshot!(mistakes(&[("shoplake.yml", nearly)], &[]), @r"
    shoplake.yml:2:12: `Europe/Belrin` is not a time zone
      hint: did you mean `Europe/Berlin`?
    shoplake.yml:3:11: `EURO` is not a currency
      hint: write the three letters of ISO 4217, for example `EUR`
    shoplake.yml:4:11: `schedule`: `61` is not a valid minute (0 to 59)
      hint: for example `0 6 * * *`: every day at 6:00
    ");
}

/// Addresses that are none, and secrets that are written as they are: none is repeated.
#[test]
fn addresses_of_receivers_and_of_the_state() {
    let settings = "
name: shop
time_zone: Europe/Berlin
currency: EUR
state: postgres://shop:hunter2@db.example/shop
otlp: { endpoint: \"localhost:4318\" }
smtp: { host: mail.example, from: shop@shop.example, ca: nowhere.pem }
";
    assert_snapshot!(mistakes(&[("shoplake.yml", settings)], &[]), @r#"
    shoplake.yml:5:8: the password of the state database is written as it is
      hint: write `"${STATE_URL}"` and set STATE_URL in the environment or in `.env`, which git leaves out
    shoplake.yml:6:19: `localhost:4318` is not an address
      hint: write it with `https://` or `http://`, for example `http://localhost:4318`
    shoplake.yml:7:58: there is no file `nowhere.pem`
      hint: name the PEM file with the certificate of whoever signed the server's
    "#);
    let settings = "
name: shop
time_zone: Europe/Berlin
currency: EUR
state: postgres://shop@db.example/shop?password=hunter2&sslmode=verify-full&sslrootcert=nowhere.pem
";
    assert_snapshot!(mistakes(&[("shoplake.yml", settings)], &[]), @r#"
    shoplake.yml:5:8: the password of the state database is written as it is
      hint: write `"${STATE_URL}"` and set STATE_URL in the environment or in `.env`, which git leaves out
    shoplake.yml:5:8: there is no file `nowhere.pem`, which `sslrootcert` of `state` names
      hint: name a PEM file by its place beside shoplake.yml
    "#);
    let settings = "
name: shop
time_zone: Europe/Berlin
currency: EUR
state: mysql://db.example/shop
otlp: { endpoint: \"https://otlp.example\", headers: { x-api-key: abc, x-team: shop } }
";
    assert_snapshot!(mistakes(&[("shoplake.yml", settings)], &[]), @r#"
    shoplake.yml:5:8: `state` is not the address of a PostgreSQL database
      hint: write `"${STATE_URL}"` and set STATE_URL=postgres://user:password@host/database in `.env`
    shoplake.yml:6:65: the secret `x-api-key` is written as it is
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`, which git leaves out
    "#);
}

#[test]
fn overrides() {
    let variables = [
        ("SHOPLAKE__LIMITS__THREDS", "1"),
        ("SHOPLAKE__TIMEZONE", "UTC"),
        ("SHOPLAKE__LIMITS__THREADS", "many"),
        ("SHOPLAKE__TIME_ZONE", "Mars/Olympus"),
    ];
    assert_snapshot!(mistakes(&[], &variables), @r"
    SHOPLAKE__LIMITS__THREADS: `threads` must be a whole number, found `many`
      hint: write a number, without quotes
    SHOPLAKE__LIMITS__THREDS: there is no setting `threds`
      hint: did you mean `threads`?
    SHOPLAKE__TIMEZONE: there is no setting `timezone`
      hint: did you mean `time_zone`?
    SHOPLAKE__TIME_ZONE: `Mars/Olympus` is not a time zone
      hint: write an IANA name, for example `Europe/Berlin`
    ");
}

#[test]
fn columns() {
    let sales = "\
name: sales
format: csv
event_time: sold
key: [id, id, idd]
version: rev
columns:
  - { name: id, type: intger }
  - { name: Order ID, type: string }
  - { name: _run_id, type: string }
  - { name: a, type: \"decimal(40,2)\" }
  - { name: b, type: \"decimal(4,5)\" }
  - { name: c, type: float }
  - { name: qty, type: integer, min: 1.5, max: many }
  - { name: amount, type: \"decimal(12,2)\", min: 0.001, max: 12345678901.00 }
  - { name: price, type: \"decimal(4,2)\", min: 10.5, max: 9.75 }
  - { name: sold, type: string, min: a, pattern: \"[a-\" }
  - { name: day, type: date, min: 2024-02-30, formats: [\"%Q\", \"%d/%m/%Y\"] }
  - { name: qty, type: integer, formats: [\"%Y\"] }
  - { name: code, header: note, type: string, decimal_separator: \",\" }
  - { name: note, type: string }
  - { name: n, type: integer, thousands_separator: \"::\", accepted_values: [1, two] }
  - { name: m, type: \"decimal(9,2)\", decimal_separator: \",\", thousands_separator: \",\" }
";
    assert_snapshot!(mistakes(&[("sources/sales.yml", sales)], &[]), @r#"
    sources/sales.yml:3:13: `event_time`: column `sold` is of type string
      hint: it must be a timestamp or a date
    sources/sales.yml:4:11: `id` stands twice in `key`
      hint: correct it there, then `shoplake check`
    sources/sales.yml:4:15: `key`: there is no column `idd`
      hint: did you mean `id`?
    sources/sales.yml:5:10: `version`: there is no column `rev`
      hint: the columns are `id`, `Order ID`, `_run_id`, `a`, `b`, `c`, `qty`, `amount`, `price`, `sold`, `day`, `qty`, `code`, `note`, `n` and `m`
    sources/sales.yml:7:23: `intger` is not a type
      hint: did you mean `integer`?
    sources/sales.yml:8:13: `Order ID` cannot be the name of a column: a name is lowercase letters, digits and `_`, and starts with a letter
      hint: write `name: order_id, header: "Order ID"`
    sources/sales.yml:9:13: `_run_id` cannot be the name of a column: names that start with `_` are Shoplake's own
      hint: write `name: run_id, header: "_run_id"`
    sources/sales.yml:10:22: `decimal(40,2)` is not a decimal type
      hint: write decimal(p,s): p digits in all, 1 to 38, and s of them after the point, at most p
    sources/sales.yml:11:22: `decimal(4,5)` is not a decimal type
      hint: write decimal(p,s): p digits in all, 1 to 38, and s of them after the point, at most p
    sources/sales.yml:12:22: `float` is not a type
      hint: did you mean `decimal(18,4)`?
    sources/sales.yml:13:38: `min` of column `qty`: `1.5` is not a value of type integer
      hint: correct it there, then `shoplake check`
    sources/sales.yml:13:48: `max` of column `qty`: `many` is not a value of type integer
      hint: correct it there, then `shoplake check`
    sources/sales.yml:14:49: `min` of column `amount`: `0.001` does not fit decimal(12,2)
      hint: correct it there, then `shoplake check`
    sources/sales.yml:14:61: `max` of column `amount`: `12345678901.00` does not fit decimal(12,2)
      hint: correct it there, then `shoplake check`
    sources/sales.yml:15:58: `max` of column `price` is below its `min`
      hint: correct it there, then `shoplake check`
    sources/sales.yml:16:38: `min` of column `sold`: it does not apply to type string
      hint: correct it there, then `shoplake check`
    sources/sales.yml:16:50: `pattern` of column `sold` is not a regular expression: unclosed character class
      hint: correct it there, then `shoplake check`
    sources/sales.yml:17:13: column `day` clashes with the `day` that Shoplake adds to a dataset with `event_time`
      hint: write `name: sales_day, header: "day"`
    sources/sales.yml:17:35: `min` of column `day`: `2024-02-30` is not a value of type date, which is written `2024-01-31`
      hint: correct it there, then `shoplake check`
    sources/sales.yml:17:57: `formats` of column `day`: `%Q` is not a strptime format
      hint: for example `%d/%m/%Y %H:%M:%S`
    sources/sales.yml:18:13: column `qty` stands twice
      hint: correct it there, then `shoplake check`
    sources/sales.yml:18:42: `formats` of column `qty`: it does not apply to type integer
      hint: correct it there, then `shoplake check`
    sources/sales.yml:19:66: `decimal_separator` of column `code`: it does not apply to type string
      hint: correct it there, then `shoplake check`
    sources/sales.yml:20:5: two columns are read from the header `note`
      hint: correct it there, then `shoplake check`
    sources/sales.yml:21:52: `thousands_separator` of column `n`: it must be one character that is not a letter, a digit or a sign
      hint: correct it there, then `shoplake check`
    sources/sales.yml:21:79: `accepted_values` of column `n`: `two` is not of type integer
      hint: correct it there, then `shoplake check`
    sources/sales.yml:22:83: `thousands_separator` of column `m`: it is the decimal separator too
      hint: correct it there, then `shoplake check`
    "#);
}

#[test]
fn files() {
    let head = "name: NAME\nformat: json\ncolumns: [{ name: id, type: string }]\n";
    let with = |name: &str, more: &str| format!("{}{more}\n", head.replace("NAME", name));
    let (above, absolute) = (with("a", "from: { files: \"../b/*\" }"), with("b", "from: { files: /etc/* }"));
    let stream = with("c", "from: { stream: { name: clicks } }");
    let s3 = with("d", "from: { s3: { bucket: exports } }\nreject_limit: 50");
    let (both, none) = (with("e", "from: { files: a, s3: {} }"), with("f", "from: {}\ndelimiter: \";\""));
    let encoding = with("quarantine", "encoding: windows1252x");
    let files = [
        ("sources/a.yml", above.as_str()),
        ("sources/b.yml", &absolute),
        ("sources/c.yml", &stream),
        ("sources/d.yml", &s3),
        ("sources/e.yml", &both),
        ("sources/f.yml", &none),
        ("sources/g.yml", &encoding),
        ("sources/shops_too.yml", SHOPS),
    ];
    assert_snapshot!(mistakes(&files, &[]), @r"
    sources/a.yml:4:16: `../b/*` leaves the project folder
      hint: files come from below the project folder: `inbox/sales/*`
    sources/b.yml:4:16: `/etc/*` leaves the project folder
      hint: files come from below the project folder: `inbox/sales/*`
    sources/c.yml:4:7: `from: stream` is not available yet
      hint: use `files` or `rest_api`
    sources/d.yml:4:7: `from: s3` is not available yet
      hint: use `files` or `rest_api`
    sources/d.yml:5:15: `reject_limit` is 50: it must be between 0 and 1
      hint: 0.5 is one half of the rows
    sources/e.yml:4:7: `from` must have exactly one of `files`, `rest_api`, `stream` and `s3`
      hint: correct it there, then `shoplake check`
    sources/f.yml:4:7: `from` must have exactly one of `files`, `rest_api`, `stream` and `s3`
      hint: correct it there, then `shoplake check`
    sources/f.yml:5:12: `delimiter` is only for format csv
      hint: correct it there, then `shoplake check`
    sources/g.yml:1:7: `quarantine` is a table that Shoplake makes itself
      hint: correct it there, then `shoplake check`
    sources/g.yml:4:11: `windows1252x` is not an encoding
      hint: did you mean `windows-1252`?
    sources/shops_too.yml:1:7: dataset `shops` is defined twice
      detail: It is defined in sources/shops.yml too.
      hint: correct it there, then `shoplake check`
    ");
}

#[test]
fn relationships() {
    let sales = "\
name: sales
format: csv
event_time: sold
columns:
  - { name: sold, type: date }
  - { name: a, type: string, relationship: shop.shop_id }
  - { name: b, type: string, relationship: shops.id }
  - { name: c, type: date, relationship: shops.opened }
  - { name: d, type: integer, relationship: shops.shop_id }
  - { name: e, type: string, relationship: shops }
enrich: { sold: shops.opened, year: shops.opened, opened: shops.opend, other: sales.a }
";
    assert_snapshot!(mistakes(&[("sources/sales.yml", sales)], &[]), @r"
    sources/sales.yml:6:44: `relationship`: there is no dataset `shop`
      hint: did you mean `shops`?
    sources/sales.yml:7:44: `relationship`: dataset `shops` has no column `id`
      hint: the columns are `shop_id` and `opened`
    sources/sales.yml:8:42: `relationship`: `opened` is not the key of dataset `shops`
      hint: in sources/shops.yml write `key: [opened]`, or point to its key
    sources/sales.yml:9:45: `relationship`: `d` is of type integer, but `shops.shop_id` is of type string
      hint: give both columns the same type
    sources/sales.yml:10:44: `relationship`: `shops` is not a column of a dataset
      hint: write dataset.column, for example `customers.customer_id`
    sources/sales.yml:11:11: `enrich`: there is a column `sold` already
      hint: correct it there, then `shoplake check`
    sources/sales.yml:11:31: `enrich`: there is a column `year` already
      hint: correct it there, then `shoplake check`
    sources/sales.yml:11:59: `enrich`: dataset `shops` has no column `opend`
      hint: did you mean `opened`?
    sources/sales.yml:11:79: `enrich`: no column is related to dataset `sales`
      hint: give the column that refers to it `relationship: sales.<its key>`
    ");
    let (one, two) = (
        "name: one\nformat: csv\nkey: [id]\ncolumns: [{ name: id, type: string }, { name: t, type: string, relationship: two.id }]\n",
        "name: two\nformat: csv\nkey: [id]\ncolumns: [{ name: id, type: string }, { name: o, type: string, relationship: one.id }]\n",
    );
    assert_snapshot!(mistakes(&[("sources/one.yml", one), ("sources/two.yml", two)], &[]), @r"
    sources/one.yml:1:1: the relationships go round in a circle: `one` → `two` → `one`
      hint: remove one of the relationships: a dimension must be loadable before its facts
    ");
}

/// A mistake in a dimension is not a mistake of those that refer to it.
#[test]
fn a_broken_dimension_breaks_nobody_else() {
    let sales = "name: sales\nformat: csv\ncolumns: [{ name: shop, type: string, relationship: shops.shop_id }]\n";
    let broken = SHOPS.replace("format: csv", "format: cvs").replace("type: string", "type: strng");
    assert_snapshot!(mistakes(&[("sources/sales.yml", sales), ("sources/shops.yml", &broken)], &[]), @r"
    sources/shops.yml:2:9: `format` cannot be `cvs`
      hint: did you mean `csv`?
    sources/shops.yml:5:28: `strng` is not a type
      hint: did you mean `string`?
    ");
    let not_yaml = mistakes(&[("sources/sales.yml", sales), ("sources/shops.yml", "name: [\n")], &[]);
    assert_eq!(not_yaml.lines().filter(|line| line.starts_with("sources/")).count(), 1, "{not_yaml}");
}

#[test]
fn rest_api_and_secrets() {
    let api = |name: &str, body: &str| {
        format!("name: {name}\nformat: json\ncolumns: [{{ name: id, type: string }}]\nfrom:\n  rest_api:\n{body}")
    };
    let literal = api(
        "a",
        "    base_url: ftp://shop\n    path: x\n    auth: { bearer: s3cr3t-canary }\n    headers: { X-Api-Key: s3cr3t-canary }\n",
    );
    let unset = api(
        "b",
        "    base_url: \"https://${SHOP_HOST}/api\"\n    path: x\n    auth: { basic: { username: me, password: \"${SHOP_PASSWORD}\" } }\n    paginator: { type: page_numbr }\n",
    );
    let shape = api(
        "c",
        "    base_url: \"https://me:s3cr3t-canary@shop/\"\n    paginator: { type: offset, limits: 5 }\n    auth: { token: s3cr3t-canary }\n    incremental: { cursor_path: at, param: since, lag: soon }\n",
    );
    let number =
        api("d", "    base_url: https://shop\n    path: x\n    auth: { api_key: { name: key, value: 123456789 } }\n");
    let files = [
        ("sources/a.yml", literal.as_str()),
        ("sources/b.yml", &unset),
        ("sources/c.yml", &shape),
        ("sources/d.yml", &number),
    ];
    let text = mistakes(&files, &[("SHOP_PASSWORD", "s3cr3t-canary")]);
    assert!(!text.contains("canary") && !text.contains("123456789"), "a secret is shown:\n{text}");
    assert_snapshot!(text, @r#"
    sources/a.yml:6:15: `base_url` is not a web address
      hint: for example `https://shop.example/api/v1`
    sources/a.yml:8:21: the secret `bearer` is written as it is
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`, which git leaves out
    sources/a.yml:9:27: header `X-Api-Key` is written as it is
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`
    sources/b.yml:6:15: the environment variable `SHOP_HOST` is not set
      hint: set it in the shell, or write `SHOP_HOST=…` in `.env` beside shoplake.yml
    sources/b.yml:9:24: `type` cannot be `page_numbr`
      hint: did you mean `page_number`?
    sources/c.yml:6:5: `path` is missing
      hint: add `path: …` there
    sources/c.yml:7:16: `limit` is missing
      hint: add `limit: …` there
    sources/c.yml:7:32: unknown key `limits`
      hint: did you mean `limit`?
    sources/c.yml:8:13: unknown key `token`
      hint: the keys are `bearer`, `basic` and `api_key`
    sources/d.yml:8:42: `value` must be text, found something that is not shown
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`
    "#);
}

#[test]
fn yaml_itself() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..) {
        let aliases = vec![format!("*{before}"); 10].join(", ");
        let line = format!("{name}: &{name} [{aliases}]\n");
        bomb.push_str(&line);
    }
    let large = format!("# {}\n", "x".repeat(1 << 20));
    let deep = format!("name: {}{}\n", "[".repeat(60), "]".repeat(60));
    let files = [
        ("sources/alias_bomb.yml", bomb.as_str()),
        ("sources/deep.yml", &deep),
        ("sources/documents.yml", "name: a\n---\nname: b\n"),
        ("sources/empty.yml", "# nothing\n"),
        ("sources/large.yml", &large),
        ("sources/tabs.yml", "name: a\ncolumns:\n\t- x\n"),
        ("sources/tag.yml", "name: !!python/object a\n"),
        ("sources/twice.yml", "name: a\nformat: csv\nname: b\n"),
        ("sources/unclosed.yml", "name: \"a\nformat: csv\n"),
    ];
    assert_snapshot!(mistakes(&files, &[]), @r"
    sources/alias_bomb.yml:4:36: the aliases stand for too many values
      hint: write the values where they belong
    sources/deep.yml:1:38: the values are nested too deeply
      hint: close the brackets that are open before
    sources/documents.yml:2:1: a second document begins: one file holds one
      hint: move it into a file of its own, and remove the `---`
    sources/empty.yml: the file is empty
      hint: write it, or remove it
    sources/large.yml: the file is too large: 1048579 bytes, at most 1048576
      hint: see whether it is the file that was meant
    sources/tabs.yml:3:2: not valid YAML: tabs disallowed within this context (block indentation)
      hint: YAML is indented with spaces, not tabs
    sources/tag.yml:1:23: not valid YAML: unsupported tag `!!python/object`
      hint: look at that line and the one above: at brackets, quotes, colons and the spaces in front
    sources/twice.yml:3:1: `name` stands twice in the same map
      hint: remove one of the two
    sources/unclosed.yml:1:7: not valid YAML: unclosed quote
      hint: look at that line and the one above: at brackets, quotes, colons and the spaces in front
    ");
}

#[test]
fn views() {
    let files = [
        ("models/marts/by_day.sql", "select 1"),
        ("reports/daily.yml", "name: daily\ntables: [by_dy, shops, quarantine]\n"),
        (
            "dashboards/sales.yml",
            "name: sales\ntiles: [{ title: T, kind: barr, model: by_day }, { title: U, kind: kpi, model: nothing }]\n",
        ),
    ];
    assert_snapshot!(mistakes(&files, &[]), @"
    dashboards/sales.yml:2:27: `kind` cannot be `barr`
      hint: did you mean `bar`?
    dashboards/sales.yml:2:80: there is no table or model `nothing`
      hint: the tables are `by_day`, `shops`, `quarantine` and `restatements`
    reports/daily.yml:2:10: there is no table or model `by_dy`
      hint: did you mean `by_day`?
    ");
}

#[test]
fn trusted_proxies() {
    let settings = "\
name: shop
time_zone: Europe/Berlin
currency: EUR
server: { trusted_proxies: [127.0.0.1, proxy, 10.0.0.1/8] }
";
    assert_snapshot!(mistakes(&[("shoplake.yml", settings)], &[]), @r"
    shoplake.yml:4:40: `proxy` is not an address or a range of addresses
      hint: write the proxy's address as `10.0.0.7`, or a range by its first one: `10.0.0.0/8`, `fd00::/8`
    shoplake.yml:4:47: `10.0.0.1/8` is not an address or a range of addresses
      hint: write the proxy's address as `10.0.0.7`, or a range by its first one: `10.0.0.0/8`, `fd00::/8`
    ");
}
