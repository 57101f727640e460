//! `alerts/*.yml`, `smtp:` and `prices.yml`.

use chrono::TimeDelta;
use insta::assert_snapshot;
use shoplake_core::alert::{Channel, Condition, Grouping, Severity, SmtpTls};

use crate::support::{SETTINGS, load_files, mistakes};

/// Given an alert with everything that can be stated, then it is read as stated, with secrets from the environment.
#[test]
fn an_alert_in_full() {
    let alert = "\
name: shops_are_late
severity: critical
when: { freshness: { dataset: shops, older_than: 26h } }
for: 10m
on_recover: false
renotify_after: 1d
group: each
notify:
  email: { recipients: [owner@shop.example] }
  slack: { webhooks: [\"${SLACK}\"] }
  webhook: { url: \"https://hooks.example/shop\", secret: \"${HOOK_SECRET}\" }
";
    let settings = format!(
        "{SETTINGS}smtp: {{ host: mail.example, username: me, password: \"${{PASS}}\", from: me@shop.example }}\n"
    );
    let variables = [("SLACK", "https://hooks.slack.example/T0"), ("HOOK_SECRET", "s3cret"), ("PASS", "hunter2")];
    let files = [("shoplake.yml", settings.as_str()), ("alerts/late.yml", alert)];
    let project = load_files(&files, &variables).unwrap();
    let [alert] = &project.alerts.all[..] else { panic!("one alert") };
    let hours = TimeDelta::hours(26);
    assert_eq!(alert.condition, Condition::Freshness { dataset: "shops".into(), older_than: hours });
    assert_eq!((alert.severity, alert.grouping, alert.on_recover), (Severity::Critical, Grouping::Each, false));
    assert_eq!((alert.hold, alert.renotify_after), (TimeDelta::minutes(10), Some(TimeDelta::days(1))));
    let [Channel::Email { .. }, Channel::Slack { url }, Channel::Webhook { secret: Some(secret), .. }] =
        &alert.channels[..]
    else {
        panic!("three channels: {:?}", alert.channels)
    };
    assert_eq!((url.0.as_str(), secret.0.as_str()), ("https://hooks.slack.example/T0", "s3cret"));
    assert!(!format!("{alert:?}").contains("s3cret"), "a secret does not print itself");
    let smtp = project.alerts.smtp.unwrap();
    assert_eq!((smtp.port, smtp.tls, smtp.login.unwrap().1.0.as_str()), (587, SmtpTls::StartTls, "hunter2"));
}

/// Given mistakes, then each has its place and what to write; no secret is repeated.
#[test]
fn mistakes_in_alerts_have_their_place() {
    let alert = "\
name: late shops
severity: urgent
when: { freshness: { dataset: shop, older_than: soon } }
notify:
  email: { recipients: [\"Owner <owner@shop.example>\"] }
  slack: { webhooks: [\"https://hooks.slack.example/T0/secret\"] }
  webhook: { url: \"hooks.example\", secret: plain }
";
    let volume = "name: few\nwhen: { volume: { dataset: shops } }\n";
    let two = "name: two\nwhen: { pipeline_failed: {}, sql: { query: \"SELECT 1\" } }\n";
    let share = "name: few\nwhen: { reject_share: { above: 5 } }\n";
    let settings = format!("{SETTINGS}smtp: {{ host: mail.example, tls: off, from: shop, username: me }}\n");
    let files = [
        ("shoplake.yml", settings.as_str()),
        ("alerts/a.yml", alert),
        ("alerts/b.yml", volume),
        ("alerts/c.yml", two),
        ("alerts/d.yml", share),
    ];
    let told = mistakes(&files, &[]);
    assert!(!told.contains("T0/secret") && !told.contains("plain"), "{told}");
    assert_snapshot!(told, @"");
    let no_server = "name: mail\nwhen: { pipeline_failed: {} }\nnotify: { email: { recipients: [a@b.example] } }\n";
    assert_snapshot!(mistakes(&[("alerts/a.yml", no_server)], &[]), @"");
}

/// Given a price table, then prices are exact decimals; mistakes in it have their place.
#[test]
fn prices() {
    let table = "currency: EUR\nprices: { compute: { each: \"0.0000166667\", free: 400000 }, scanned: { each: 5 } }\n";
    let prices = load_files(&[("prices.yml", table)], &[]).unwrap().prices;
    let each: Vec<(i128, i128)> = prices.prices.iter().map(|price| (price.each, price.free)).collect();
    assert_eq!(each, [(5_000_000_000_000, 0), (16_666_700, 400_000_000_000)]);
    assert!(load_files(&[], &[]).unwrap().prices.prices.is_empty(), "without a table nothing costs anything");
    let wrong = "currency: euro\nprices: { storge: { each: \"1\" }, scanned: { each: \"-5\" }, reads: { free: 1 } }\n";
    assert_snapshot!(mistakes(&[("prices.yml", wrong)], &[]), @"");
}
