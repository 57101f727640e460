//! Mistakes in the order of tiles and in how many rows they show.

use insta::assert_snapshot;

use crate::support::mistakes;

#[test]
fn orders_of_tiles() {
    let tiles = "\
name: best
tiles:
  - { title: A, kind: table, sql: SELECT 1, sort: a, limit: 3 }
  - { title: B, kind: table, model: by_day, limit: 3 }
  - { title: C, kind: pie, model: by_day, sort: [-a, a], limit: 6000 }
  - { title: D, kind: table, model: by_day, sort: 3, limit: 0 }
  - { title: E, kind: text, text: hello, limit: 1 }
";
    let files = [("models/marts/by_day.sql", "select 1"), ("dashboards/best.yml", tiles)];
    assert_snapshot!(mistakes(&files, &[]), @r"
    dashboards/best.yml:3:51: `sort` is for a tile with `model`
      hint: put ORDER BY and LIMIT into its `sql`
    dashboards/best.yml:3:61: `limit` is for a tile with `model`
      hint: put ORDER BY and LIMIT into its `sql`
    dashboards/best.yml:4:52: a `limit` without `sort` shows whatever comes first
      hint: say which rows are the first: `sort: -column` for the highest
    dashboards/best.yml:5:54: `sort` names `a` twice
      hint: remove the second one
    dashboards/best.yml:5:65: a tile shows 5000 rows at most
      hint: leave `limit` out, or write a smaller one
    dashboards/best.yml:5:65: the slices of a pie are shares of all its rows, which a `limit` leaves out
      hint: remove it: past six slices a pie shows the rest as one; or take `kind: bar`
    dashboards/best.yml:6:51: `sort` must be text or a list, found the number `3`
      hint: put it in quotes
    dashboards/best.yml:6:61: `limit` must be 1 or more
      hint: correct it there, then `shoplake check`
    dashboards/best.yml:7:49: `limit` is for a tile with `model`
      hint: remove it
    ");
}
