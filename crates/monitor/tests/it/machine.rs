//! When people are told: on a simulated clock, and whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use shoplake_core::alert::{Alert, AlertBook, Channel, Condition, Finding, Grouping, Outgoing, Phase};
use shoplake_core::source::Secret;
use shoplake_monitor::alerts::step;

use crate::{alert, finding, moment};

const START: &str = "2024-03-31T00:00:00Z";

fn hook() -> Vec<Channel> {
    vec![Channel::Slack { url: Secret("http://127.0.0.1:9".into()) }]
}

/// An alert and its book, looked at minute by minute.
struct Watched {
    alert: Alert,
    book: AlertBook,
}

impl Watched {
    fn new() -> Self {
        Self { alert: alert("late", Condition::PipelineFailed, hook()), book: AlertBook::default() }
    }

    fn look(&mut self, minute: i64, found: &[&str]) -> Vec<Outgoing> {
        let now = moment(START) + TimeDelta::minutes(minute);
        let found: Vec<Finding> = found.iter().map(|subject| finding(subject)).collect();
        step(&mut self.book, &self.alert, found, "myshop", chrono_tz::Europe::Berlin, now)
    }

    /// Looks each minute of a day; the subject is found in these minutes. When people are told, and what.
    fn day(&mut self, found: impl Fn(i64) -> bool) -> Vec<String> {
        let mut told = Vec::new();
        for minute in 0..24 * 60 {
            let subjects: &[&str] = if found(minute) { &["sales"] } else { &[] };
            for message in self.look(minute, subjects) {
                let word = if message.message.phase == Phase::Resolved { "over" } else { "fires" };
                told.push(format!("{minute} {word}"));
            }
        }
        told
    }
}

/// Given a condition that holds for half an hour, then people are told once of its beginning and once of its end.
#[test]
fn fires_and_recovers() {
    let mut watched = Watched::new();
    assert_eq!(watched.day(|minute| (100..130).contains(&minute)), ["100 fires", "130 over"]);
    watched = Watched::new();
    watched.alert.on_recover = false;
    assert_eq!(watched.day(|minute| (100..130).contains(&minute) || minute == 200), ["100 fires", "200 fires"]);
}

/// Given `for: 10m`, then what is over before it is told to nobody, also where it comes again and again.
#[test]
fn holds_before_it_fires() {
    let mut watched = Watched::new();
    watched.alert.hold = TimeDelta::minutes(10);
    assert_eq!(watched.day(|minute| minute % 10 != 9), Vec::<String>::new());
    assert_eq!(watched.day(|minute| (100..111).contains(&minute)), ["110 fires", "111 over"]);
}

/// Given `renotify_after: 4h`, then people are told again every four hours while it lasts.
#[test]
fn tells_again_while_it_lasts() {
    let mut watched = Watched::new();
    watched.alert.renotify_after = Some(TimeDelta::hours(4));
    let told = watched.day(|minute| (60..640).contains(&minute));
    assert_eq!(told, ["60 fires", "300 fires", "540 fires", "640 over"]);
}

/// Given a snooze, then nobody is told while it lasts; what still fires then is told at its end; and the end
/// of something that nobody was told of is told to nobody.
#[test]
fn snoozes() {
    let until = moment(START) + TimeDelta::minutes(300);
    let mut watched = Watched::new();
    watched.book.snoozed.insert("late".into(), until);
    assert_eq!(watched.day(|minute| (60..400).contains(&minute)), ["300 fires", "400 over"]);
    let mut watched = Watched::new();
    watched.book.snoozed.insert("late".into(), until);
    assert_eq!(watched.day(|minute| (60..200).contains(&minute)), Vec::<String>::new());
}

/// Given several subjects, then one message tells of all that are found together, or one of each.
#[test]
fn groups() {
    let mut watched = Watched::new();
    let [message] = &watched.look(0, &["sales", "products"])[..] else { panic!("one message") };
    assert_eq!(message.message.findings.len(), 2);
    assert_eq!(message.message.title, "myshop: late fires: sales is late, and 1 more");
    assert_eq!(message.message.since, "2024-03-31T01:00:00+01:00", "by the shop's clock");
    assert!(watched.look(1, &["sales", "products", "customers"]).is_empty(), "it fires already");
    let mut watched = Watched::new();
    watched.alert.grouping = Grouping::Each;
    assert_eq!(watched.look(0, &["sales", "products"]).len(), 2);
    assert_eq!(watched.look(1, &["sales", "customers"]).len(), 2, "products are over, customers begin");
}

/// Given two channels, then each gets a message of its own name.
#[test]
fn every_channel_is_told() {
    let mut watched = Watched::new();
    watched.alert.channels = [hook(), hook()].concat();
    let keys: BTreeSet<String> = watched.look(0, &["sales"]).into_iter().map(|message| message.key).collect();
    assert_eq!(keys.len(), 2);
}

/// Given a text from a file that would end a header, then the title stays one line.
#[test]
fn a_title_is_one_line() {
    let mut watched = Watched::new();
    let messages = watched.look(0, &["x\r\nBcc: everybody@shop.example"]);
    assert!(!messages[0].message.title.contains(['\r', '\n']));
}

proptest! {
    /// Whatever is found when, with clocks that jump, holds, snoozes and a process that is started anew at any
    /// look: no two messages have one name, each event is told at most once (and again only when it may), and
    /// its end only after its beginning.
    #[test]
    fn never_twice_for_one_event(
        looks in prop::collection::vec((-30_i64..90, any::<bool>(), any::<bool>(), 0_u8..20), 1..200),
        hold in 0_i64..30,
        renotify in prop::option::of(60_i64..200),
    ) {
        let mut watched = Watched::new();
        watched.alert.grouping = Grouping::Each;
        watched.alert.hold = TimeDelta::minutes(hold);
        watched.alert.renotify_after = renotify.map(TimeDelta::minutes);
        let (mut minute, mut keys) = (0, BTreeSet::new());
        // Of each subject: when its event was told last, while one that was told is going on.
        let mut going: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        let mut absent: BTreeSet<String> = BTreeSet::new();
        for (passes, sales, products, chance) in looks {
            minute += passes;
            let found: Vec<&str> = [("sales", sales), ("products", products)]
                .into_iter().filter(|(_, found)| *found).map(|(name, _)| name).collect();
            if chance == 0 {
                let until = moment(START) + TimeDelta::minutes(minute + 40);
                watched.book.snoozed.insert("late".into(), until);
            }
            // The state is all that a new process has.
            watched.book = serde_json::from_str(&serde_json::to_string(&watched.book).unwrap()).unwrap();
            for message in watched.look(minute, &found) {
                prop_assert!(keys.insert(message.key.clone()), "{} twice", message.key);
                let subject = message.message.findings[0].subject.clone();
                if message.message.phase == Phase::Resolved {
                    prop_assert!(!found.contains(&subject.as_str()), "over, and still found");
                    prop_assert!(going.remove(&subject).is_some(), "an end without a beginning");
                } else {
                    // One that ended unheard (a snooze) may begin anew.
                    let anew = absent.remove(&subject);
                    let again = going.insert(subject, message.at);
                    prop_assert!(again.is_none() || anew || renotify.is_some(), "told again without being asked to");
                }
            }
            for name in ["sales", "products"] {
                if !found.contains(&name) {
                    absent.insert(name.to_owned());
                }
            }
        }
    }
}
