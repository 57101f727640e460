//! The meaning of `alerts/*.yml` and of `smtp:`.

use chrono::TimeDelta;
use shoplake_core::Fault;
use shoplake_core::alert::{Alert, Channel, Condition, Grouping, Severity, Smtp, SmtpTls};
use shoplake_core::source::Secret;
use url::Url;

use crate::environment::{self, Environment};
use crate::files::{AlertFile, GroupWord, NotifyFile, Scalar, SeverityWord, SmtpFile, SmtpTlsWord, WhenFile};
use crate::rest::expand;
use crate::units;
use crate::words::suggest;
use crate::yaml::Node;

/// Checks what an alert means.
pub(crate) struct Reader<'a> {
    pub(crate) environment: &'a Environment,
    /// Each dataset, and whether it has an event time.
    pub(crate) datasets: &'a [(String, bool)],
    /// Whether shoplake.yml states a mail server.
    pub(crate) has_smtp: bool,
    pub(crate) faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    pub(crate) fn alert(&mut self, file: AlertFile, node: &Node, path: &str) -> Alert {
        if file.name.is_empty() || !file.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            let fault = node.at("name").fault(format!("`{}` is not a name", file.name));
            self.faults.push(fault.hint("use letters, digits, `_` and `-`"));
        }
        let severity = match file.severity {
            Some(SeverityWord::Info) => Severity::Info,
            None | Some(SeverityWord::Warning) => Severity::Warning,
            Some(SeverityWord::Critical) => Severity::Critical,
        };
        Alert {
            severity,
            condition: self.condition(file.when, node.at("when")),
            hold: file.hold.and_then(|hold| self.time(&hold, node.at("for"))).unwrap_or_default(),
            on_recover: file.on_recover.unwrap_or(true),
            renotify_after: file.renotify_after.and_then(|after| self.time(&after, node.at("renotify_after"))),
            grouping: if file.group == Some(GroupWord::Each) { Grouping::Each } else { Grouping::Together },
            channels: file.notify.map(|notify| self.channels(&notify, node.at("notify"))).unwrap_or_default(),
            name: file.name,
            file: path.to_owned(),
            description: file.description,
        }
    }

    fn condition(&mut self, when: WhenFile, node: &Node) -> Condition {
        match when {
            WhenFile::PipelineFailed(_) => Condition::PipelineFailed,
            WhenFile::ErrorRate(file) => Condition::ErrorRate {
                above: self.share(file.above, node.at("error_rate/above")),
                runs: file.runs.unwrap_or(10).clamp(3, 1_000),
            },
            WhenFile::RejectShare(file) => {
                self.dataset(file.dataset.as_deref(), node.at("reject_share/dataset"));
                let above = self.share(file.above, node.at("reject_share/above"));
                Condition::RejectShare { dataset: file.dataset, above }
            }
            WhenFile::QuerySlow(file) => Condition::QuerySlow { above: file.above },
            WhenFile::Cost(file) => {
                let above = file.above.0;
                if above.parse::<f64>().is_err() || !above.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                    let fault = node.at("cost/above").fault(format!("`{above}` is not an amount"));
                    self.faults.push(fault.hint("for example `10.00`"));
                }
                Condition::Cost { above, forecast: file.forecast.unwrap_or(true) }
            }
            WhenFile::Freshness(file) => {
                self.dataset(Some(&file.dataset), node.at("freshness/dataset"));
                let older_than = self.time(&file.older_than, node.at("freshness/older_than")).unwrap_or_default();
                Condition::Freshness { dataset: file.dataset, older_than }
            }
            WhenFile::Volume(file) => {
                let node = node.at("volume");
                self.dataset(Some(&file.dataset), node.at("dataset"));
                if self.datasets.iter().any(|(name, timed)| *name == file.dataset && !timed) {
                    let fault = node.at("dataset").fault(format!("`{}` has no `event_time`", file.dataset));
                    self.faults.push(fault.hint("rows of a day can be counted only where rows have a time"));
                }
                if file.below.is_none() && file.above.is_none() {
                    let fault = node.fault("`volume` needs `below` or `above`");
                    self.faults.push(fault.hint("for example `below: 0.5`: less than half of the usual rows"));
                }
                let weeks = file.weeks.unwrap_or(4).clamp(2, 52);
                Condition::Volume { dataset: file.dataset, below: file.below, above: file.above, weeks }
            }
            WhenFile::SchemaChange(file) => {
                self.dataset(file.dataset.as_deref(), node.at("schema_change/dataset"));
                Condition::SchemaChange { dataset: file.dataset }
            }
            WhenFile::Sql(file) => Condition::Sql { query: file.query },
            WhenFile::Anomaly(file) => {
                Condition::Anomaly { query: file.query, sensitivity: file.sensitivity.unwrap_or(4.0).max(1.0) }
            }
        }
    }

    fn dataset(&mut self, name: Option<&str>, node: &Node) {
        let Some(name) = name else { return };
        let known: Vec<&str> = self.datasets.iter().map(|(name, _)| name.as_str()).collect();
        if !known.contains(&name) {
            self.faults.push(suggest(node.fault(format!("there is no dataset `{name}`")), name, &known, "dataset"));
        }
    }

    fn share(&mut self, share: f64, node: &Node) -> f64 {
        if !(0.0..=1.0).contains(&share) {
            let fault = node.fault(format!("`{share}` is not a share between 0 and 1"));
            self.faults.push(fault.hint("for example `0.05`: five in a hundred"));
        }
        share
    }

    fn time(&mut self, written: &Scalar, node: &Node) -> Option<TimeDelta> {
        let seconds = units::seconds(&written.0).filter(|seconds| *seconds <= 366 * 86_400);
        if seconds.is_none() {
            let fault = node.fault(format!("`{}` is not a length of time", written.0));
            self.faults.push(fault.hint("for example `30s`, `15m`, `1h` or `2d`"));
        }
        seconds.map(TimeDelta::seconds)
    }

    pub(crate) fn channels(&mut self, notify: &NotifyFile, node: &Node) -> Vec<Channel> {
        let mut channels = Vec::new();
        if let Some(email) = &notify.email {
            for (index, address) in email.recipients.iter().enumerate() {
                self.address(address, node.at(&format!("email/recipients/{index}")));
            }
            if !self.has_smtp {
                let fault = node.at("email").fault("there is no mail server to send it through");
                self.faults.push(fault.hint("state it in shoplake.yml: `smtp: { host: …, from: … }`"));
            }
            channels.push(Channel::Email { recipients: email.recipients.clone() });
        }
        for (index, url) in notify.slack.iter().flat_map(|slack| &slack.webhooks).enumerate() {
            let node = node.at(&format!("slack/webhooks/{index}"));
            let url = self.secret("webhooks", url, node);
            self.web_address(&url.0, node);
            channels.push(Channel::Slack { url });
        }
        if let Some(webhook) = &notify.webhook {
            let url = expand(&webhook.url, node.at("webhook/url"), self.environment, self.faults);
            self.web_address(&url, node.at("webhook/url"));
            let secret = webhook.secret.as_ref();
            let secret = secret.map(|secret| self.secret("secret", secret, node.at("webhook/secret")));
            channels.push(Channel::Webhook { url: Secret(url), secret });
        }
        channels
    }

    pub(crate) fn smtp(&mut self, file: &SmtpFile, node: &Node) -> Smtp {
        self.address(&file.from, node.at("from"));
        let (tls, port) = match file.tls {
            None | Some(SmtpTlsWord::Starttls) => (SmtpTls::StartTls, 587),
            Some(SmtpTlsWord::Implicit) => (SmtpTls::Implicit, 465),
            Some(SmtpTlsWord::Off) => (SmtpTls::Off, 25),
        };
        let local = ["localhost", "127.0.0.1", "::1"].contains(&file.host.as_str());
        if tls == SmtpTls::Off && !local {
            let fault = node.at("tls").fault(format!("`tls: off` would show all mail on its way to `{}`", file.host));
            self.faults.push(fault.hint("write `tls: starttls` or `tls: implicit`; `off` is for `localhost`"));
        }
        let login = match (&file.username, &file.password) {
            (Some(user), Some(password)) => {
                let user = expand(user, node.at("username"), self.environment, self.faults);
                Some((user, self.secret("password", password, node.at("password"))))
            }
            (None, None) => None,
            _ => {
                self.faults.push(node.fault("`username` and `password` go together").hint("add the other one"));
                None
            }
        };
        let host = expand(&file.host, node.at("host"), self.environment, self.faults);
        let ca = file.ca.as_ref().map(std::path::PathBuf::from);
        Smtp { host, port: file.port.unwrap_or(port), tls, ca, login, from: file.from.clone() }
    }

    fn secret(&mut self, key: &str, text: &str, node: &Node) -> Secret {
        if environment::reference(text).is_none() {
            let fault = node.fault(format!("the secret `{key}` is written as it is"));
            let hint = "write `\"${NAME}\"` and set NAME in the environment or in `.env`, which git leaves out";
            self.faults.push(fault.hint(hint));
            return Secret(String::new());
        }
        Secret(expand(text.trim(), node, self.environment, self.faults))
    }

    /// The address is not repeated: it may be a secret.
    fn web_address(&mut self, url: &str, node: &Node) {
        let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        // What is empty or unset has been named already.
        if !is_web && !url.is_empty() && !url.contains("${") {
            self.faults.push(node.fault("not a web address").hint("for example `https://hooks.example/shop`"));
        }
    }

    fn address(&mut self, address: &str, node: &Node) {
        let plain = |c: char| c.is_ascii_graphic() && !"<>,;:\"()[]\\".contains(c);
        let right = address.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && !domain.is_empty() && !domain.contains('@') && address.chars().all(plain)
        });
        if !right || address.len() > 254 {
            let fault = node.fault(format!("`{address}` is not an e-mail address"));
            self.faults.push(fault.hint("write the address alone: `owner@shop.example`"));
        }
    }
}
