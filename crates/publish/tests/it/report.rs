//! What the report says, in each of its forms.

use shoplake_publish::daily::{Answers, ReportQueries, Span, write};

use crate::shop::{answers, date, days, report, run, span, sunday};

/// The written files by name.
fn written(report: &shoplake_publish::daily::DailyReport) -> std::collections::BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let paths = write(report, &dir.path().join("2026-11-22")).unwrap();
    let listed = fs_err::read_dir(dir.path().join("2026-11-22")).unwrap().count();
    assert_eq!(listed, paths.len(), "no temporary file stays behind");
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs_err::read_to_string(path).unwrap())).collect()
}

/// Panics where a tag of the page is not closed in its order.
fn assert_balanced(html: &str) {
    let void = ["meta", "br", "!doctype", "link"];
    let mut open = Vec::new();
    let style = html.find("<style>").unwrap()..html.find("</style>").unwrap();
    let (before, after) = (&html[..style.start], &html[style.end + "</style>".len()..]);
    for tag in before.split('<').skip(1).chain(after.split('<').skip(1)) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.split([' ', '/', '\n']).find(|part| !part.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "in </{tag}>");
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Given a fixed day and run, then `report.json` is this, figure by figure.
#[test]
fn the_json_holds_everything() {
    insta::assert_snapshot!(written(&sunday())["report.json"]);
}

/// Given a day with a product named like a script, then the page shows figures, changes and causes, and runs nothing.
#[test]
fn the_page_says_it_and_escapes_it() {
    let html = &written(&sunday())["report.html"];
    for text in [
        "Sunday 22 November 2026",
        "$1,234.50",
        "up 25.0% (+$246.90) on the day before",
        "down 38.3% (\u{2212}\u{2060}$765.50) on the Sunday before",
        "Every one of the 20,140 rows read is accounted for: 20,000 new, 40 updated, 60 duplicate, 40 rejected.",
        "40 rows of this run in quarantine (0.2% of those read, at least $1,912.40 in them), 41 in all",
        "1 file failed and is not in these figures",
        "no header matches; is the delimiter",
        "Not built: <code>top_products</code>",
        "Tea &amp; Tins",
        "&lt;script&gt;alert(1)",
        "in column <code>customer_id</code>",
        "97.2%",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("<script"));
    assert_balanced(html);
}

/// Given the sales of a day in UTC, when counted by hour, then the hours are the shop's.
#[test]
fn hours_are_local() {
    let report = sunday();
    let busy = |hour: usize| (report.hours[hour].orders, report.hours[hour].revenue.to_string());
    assert_eq!(report.hours.len(), 24);
    assert_eq!((busy(0), busy(10)), ((1, "34.00".into()), (3, "1200.50".into())));
}

/// Given product names like formulas, then the CSV files hold them as text, one table each.
#[test]
fn csv_files_are_safe_to_open() {
    let files = written(&sunday());
    assert_eq!(
        files["products.csv"],
        "product_id,name,orders,revenue\r\nP-7,<script>alert(1)</script>,2,900.00\r\n\
         P-1,'=cmd|' /C calc'!A0,1,300.50\r\nP-99,,1,34.00\r\n"
    );
    assert!(files["kpis.csv"].contains("Revenue,USD,1234.50,the day before,2026-11-21,987.60,246.90,25.0\r\n"));
    assert!(files["quality.csv"].contains("sales,20140,20000,40,60,40,3,0,38,2,0\r\n"));
    for name in ["trend.csv", "categories.csv", "hours.csv"] {
        assert!(files.contains_key(name), "{name}");
    }
}

/// Given a shop's first day, then nothing is compared with nothing, and the days before are unknown, not zero.
#[test]
fn the_first_day() {
    let answers = answers(days(&[("2026-11-22", 4, 123_450, 2)]));
    let report = report(Some("2026-11-22"), span("2026-11-22", "2026-11-22"), &answers, None);
    for kpi in &report.kpis {
        let words: Vec<&str> = kpi.changes.iter().map(|change| change.words.as_str()).collect();
        assert_eq!(words, ["no sales the day before", "no sales the Sunday before"]);
        assert!(kpi.changes.iter().all(|change| change.percent.is_none()));
    }
    assert_eq!(report.trend.iter().filter(|day| day.figures.is_some()).count(), 1);
    assert_balanced(&written(&report)["report.html"]);
}

/// Given a day without sales between days with sales, then it counts zero and has no average.
#[test]
fn a_day_without_sales() {
    let days = days(&[("2026-11-20", 1, 1_000, 1), ("2026-11-22", 1, 1_000, 1)]);
    let answers = Answers { days, ..Answers::default() };
    let report = report(Some("2026-11-21"), span("2026-11-20", "2026-11-22"), &answers, None);
    let values: Vec<Option<String>> = report.kpis.iter().map(|kpi| kpi.value.map(|value| value.to_string())).collect();
    assert_eq!(values, [Some("0".into()), Some("0".into()), None, Some("0".into())]);
    assert_eq!(report.kpis[0].changes[0].words, "down 100.0% (\u{2212}$10.00) on the day before");
    assert!(written(&report)["report.html"].contains("No sales on this day."));
}

/// Given a shop without any sales, then the page says how to add them, and still what the run did.
#[test]
fn an_empty_shop() {
    let report = report(None, Span::default(), &Answers::default(), Some(&run()));
    let html = &written(&report)["report.html"];
    for text in ["No sales yet", "shoplake run", "inbox/sales/", "no header matches"] {
        assert!(html.contains(text), "{text}");
    }
    assert_balanced(html);
}

/// Given data that ends days before today, then the report says so beside the zone.
#[test]
fn old_data_says_so() {
    let answers = answers(days(&[("2026-11-18", 4, 123_450, 2)]));
    let report = report(Some("2026-11-18"), span("2026-11-01", "2026-11-18"), &answers, None);
    let point = &report.trust.points[0].text;
    assert_eq!(
        point,
        "Data up to Wednesday 18 November 2026, days in Europe/Berlin; nothing for the 5 days since, up to today"
    );
}

/// Given a day, then its queries read that day's partition and the mart of days alone.
#[test]
fn queries_are_cheap() {
    let queries = ReportQueries::new(date("2026-11-02"));
    assert!(queries.days.contains("BETWEEN DATE '2026-09-04' AND DATE '2026-11-02'"), "{}", queries.days);
    for sql in [&queries.products, &queries.categories, &queries.hours] {
        assert!(sql.contains("FROM sales WHERE year = 2026 AND month = 11 AND day = 2 "), "{sql}");
    }
}

/// Writes reports of many moods for looking at: `SHOPLAKE_LOOK=dir cargo test -p shoplake-publish look`.
#[test]
fn look() {
    let Ok(dir) = std::env::var("SHOPLAKE_LOOK") else { return };
    let lines: Vec<(String, i64, i128, i64)> = (0..60_i128)
        .map(|n| {
            let day = date("2026-09-24") + chrono::Days::new(n as u64);
            let wave = 400_000 + 9_000 * n + 160_000 * ((n * 7919) % 13 - 6) / 6 + if n % 7 == 3 { 260_000 } else { 0 };
            (day.to_string(), (wave / 4_200) as i64, if n == 44 { 0 } else { wave }, (wave / 5_000) as i64)
        })
        .collect();
    let lines: Vec<_> = lines.iter().filter(|line| line.2 > 0).map(|l| (l.0.as_str(), l.1, l.2, l.3)).collect();
    let busy = answers(days(&lines));
    let mut run = run();
    let dir = std::path::Path::new(&dir);
    let full = report(Some("2026-11-22"), span("2025-01-01", "2026-11-22"), &busy, Some(&run));
    write(&full, &dir.join("full")).unwrap();
    write(&sunday(), &dir.join("sunday")).unwrap();
    run.datasets[1].files.truncate(1);
    run.datasets[1].counts.rejected = 0;
    run.datasets[1].counts.rows_read = 20_100;
    run.datasets[1].counts.rejects.clear();
    run.datasets[1].top_cause = None;
    run.tests = shoplake_core::outcome::TestsOutcome { passed: 14, ..Default::default() };
    write(&report(Some("2026-11-22"), span("2025-01-01", "2026-11-22"), &busy, Some(&run)), &dir.join("good")).unwrap();
    write(&report(None, Span::default(), &Answers::default(), Some(&run)), &dir.join("empty")).unwrap();
}
