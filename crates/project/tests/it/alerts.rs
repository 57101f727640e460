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
    assert_snapshot!(told, @r#"
    alerts/a.yml:1:7: `late shops` is not a name
      hint: use letters, digits, `_` and `-`
    alerts/a.yml:2:11: `severity` cannot be `urgent`
      hint: the words are `info`, `warning` and `critical`
    alerts/a.yml:3:31: there is no dataset `shop`
      hint: did you mean `shops`?
    alerts/a.yml:3:49: `soon` is not a length of time
      hint: for example `30s`, `15m`, `1h` or `2d`
    alerts/a.yml:5:25: `Owner <owner@shop.example>` is not an e-mail address
      hint: write the address alone: `owner@shop.example`
    alerts/a.yml:6:23: the secret `webhooks` is written as it is
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`, which git leaves out
    alerts/a.yml:7:19: not a web address
      hint: for example `https://hooks.example/shop`
    alerts/a.yml:7:44: the secret `secret` is written as it is
      hint: write `"${NAME}"` and set NAME in the environment or in `.env`, which git leaves out
    alerts/b.yml:2:17: `volume` needs `below` or `above`
      hint: for example `below: 0.5`: less than half of the usual rows
    alerts/b.yml:2:28: `shops` has no `event_time`
      hint: rows of a day can be counted only where rows have a time
    alerts/c.yml:2:7: `when` must have exactly one of `pipeline_failed`, `error_rate`, `reject_share`, `query_slow`, `cost`, `freshness`, `volume`, `schema_change`, `sql` and `anomaly`
      hint: correct it there, then `shoplake check`
    alerts/d.yml:1:7: `few` is an alert of `alerts/b.yml` already
      hint: give it a name of its own
    alerts/d.yml:2:32: `5` is not a share between 0 and 1
      hint: for example `0.05`: five in a hundred
    shoplake.yml:4:7: `username` and `password` go together
      hint: add the other one
    shoplake.yml:4:34: `tls: off` would show all mail on its way to `mail.example`
      hint: write `tls: starttls` or `tls: implicit`; `off` is for `localhost`
    shoplake.yml:4:45: `shop` is not an e-mail address
      hint: write the address alone: `owner@shop.example`
    "#);
    let no_server = "name: mail\nwhen: { pipeline_failed: {} }\nnotify: { email: { recipients: [a@b.example] } }\n";
    assert_snapshot!(mistakes(&[("alerts/a.yml", no_server)], &[]), @"
    alerts/a.yml:3:18: there is no mail server to send it through
      hint: state it in shoplake.yml: `smtp: { host: …, from: … }`
    ");
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
    assert_snapshot!(mistakes(&[("prices.yml", wrong)], &[]), @r#"
    prices.yml:1:11: `euro` is not a currency
      hint: write the three letters of ISO 4217, for example `EUR`
    prices.yml:2:11: unknown key `storge`
      hint: did you mean `storage`?
    prices.yml:2:51: `-5` is not an amount with 12 places at most
      hint: for example `"0.023"`
    prices.yml:2:66: `each` is missing
      hint: add `each: …` there
    "#);
}
