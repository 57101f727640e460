//! The schedule under a simulated clock, and against a search that looks at every minute.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::ports::Skipped;
use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

fn next(text: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let moments = cron(text).after(zone, at(after)).take(count).collect::<Vec<_>>();
    moments.iter().map(|moment| moment.with_timezone(&zone).format("%m-%d %H:%M %:z").to_string()).collect()
}

/// Looks at every minute that passes, and knows nothing of gaps but that the clock's face jumped.
fn minute_by_minute(cron: &Cron, zone: Tz, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let times: HashSet<_> = cron.times().collect();
    let named = |face: NaiveDateTime| cron.names_day(face.date()) && times.contains(&face.time());
    let face = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local();
    // Long enough before for a face that comes twice to have been seen once.
    let mut moment = after - TimeDelta::hours(49);
    let (mut shown, mut found) = (HashSet::new(), Vec::new());
    while moment <= until {
        let (now, before) = (face(moment), face(moment - TimeDelta::minutes(1)));
        let mut due = named(now) && (cron.counts_hours() || !shown.contains(&now));
        if !cron.counts_hours() && now > before {
            let mut skipped = before + TimeDelta::minutes(1);
            while skipped < now {
                let day_is_gone = before.date() < skipped.date() && skipped.date() < now.date();
                due |= named(skipped) && !day_is_gone;
                skipped += TimeDelta::minutes(1);
            }
        }
        shown.insert(now);
        if due && moment > after {
            found.push(moment);
        }
        moment += TimeDelta::minutes(1);
    }
    found
}

fn expressions() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        Just("0".into()),
        Just("*/15".into()),
        Just("*".into()),
        (0..60_u32).prop_map(|m: u32| m.to_string())
    ];
    let hour = prop_oneof![
        Just("*".into()),
        Just("*/2".into()),
        Just("0-4".into()),
        Just("1,2,3,23".into()),
        (0..24_u32).prop_map(|h: u32| h.to_string())
    ];
    let day = prop_oneof![4 => Just("*".to_owned()), 1 => (1..32_u32).prop_map(|d: u32| d.to_string()), 1 => Just("*/2".into())];
    let weekday = prop_oneof![4 => Just("*".to_owned()), 1 => Just("SUN".into()), 1 => Just("1-5".into())];
    (minute, hour, day, weekday).prop_map(|(minute, hour, day, weekday): (String, String, String, String)| {
        format!("{minute} {hour} {day} * {weekday}")
    })
}

/// Every change of a zone's offset between two moments, to the hour.
fn change_near(zone: Tz, from: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::Offset;
    let offset = |moment: DateTime<Utc>| zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
    let hours = (0..24 * 400).map(|hours| from + TimeDelta::hours(hours));
    hours.into_iter().find(|moment| offset(*moment) != offset(*moment + TimeDelta::hours(1))).unwrap_or(from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the zone and the expression, around each change of the clock the moments are those that
    /// looking at every minute finds.
    #[test]
    fn equals_a_search_of_every_minute(
        text in expressions(),
        zone in 0..chrono_tz::TZ_VARIANTS.len(),
        // 1973 to 2037: before, zones counted seconds.
        from in 94_694_400_i64..2_113_000_000,
    ) {
        let zone = chrono_tz::TZ_VARIANTS[zone];
        let cron = cron(&text);
        let change = change_near(zone, Utc.timestamp_opt(from / 60 * 60, 0).unwrap());
        let (after, until) = (change - TimeDelta::hours(30), change + TimeDelta::hours(54));
        let found: Vec<_> = cron.after(zone, after).take_while(|moment| *moment <= until).collect();
        prop_assert_eq!(found, minute_by_minute(&cron, zone, after, until), "{} in {}", text, zone);
    }

    /// The moments only grow, wherever one begins.
    #[test]
    fn beginning_later_changes_nothing(text in expressions(), from in 94_694_400_i64..2_113_000_000, skip in 0_usize..20) {
        let zone = chrono_tz::Europe::Berlin;
        let cron = cron(&text);
        let all: Vec<_> = cron.after(zone, Utc.timestamp_opt(from, 0).unwrap()).take(25).collect();
        prop_assert!(all.is_sorted_by(|a, b| a < b));
        let rest: Vec<_> = cron.after(zone, all[skip]).take(24 - skip).collect();
        prop_assert_eq!(&all[skip + 1..], &rest[..]);
    }
}

/// Given both clock changes of Berlin, then the rules of the module hold as they are written.
#[test]
fn the_rules_as_they_are_stated() {
    let berlin = chrono_tz::Europe::Berlin;
    // Forward on 31 March 2024, 02:00 to 03:00.
    assert_eq!(next("30 2 * * *", berlin, "2024-03-30T12:00:00Z", 2), ["03-31 03:00 +02:00", "04-01 02:30 +02:00"]);
    assert_eq!(next("0,30 2 * * *", berlin, "2024-03-30T12:00:00Z", 2), ["03-31 03:00 +02:00", "04-01 02:00 +02:00"]);
    assert_eq!(
        next("30 * * * *", berlin, "2024-03-31T00:00:00Z", 3),
        ["03-31 01:30 +01:00", "03-31 03:30 +02:00", "03-31 04:30 +02:00"]
    );
    // Back on 27 October 2024, 03:00 to 02:00.
    assert_eq!(next("30 2 * * *", berlin, "2024-10-26T12:00:00Z", 2), ["10-27 02:30 +02:00", "10-28 02:30 +01:00"]);
    assert_eq!(
        next("30 * * * *", berlin, "2024-10-27T00:00:00Z", 3),
        ["10-27 02:30 +02:00", "10-27 02:30 +01:00", "10-27 03:30 +01:00"]
    );
    // Midnight is skipped in Beirut; 23:00 to 24:00 in Nuuk; all of 30 December 2011 in Apia.
    assert_eq!(next("0 0 * * *", chrono_tz::Asia::Beirut, "2024-03-30T12:00:00Z", 1), ["03-31 01:00 +03:00"]);
    assert_eq!(
        next("30 23 * * *", chrono_tz::America::Nuuk, "2024-03-30T12:00:00Z", 2),
        ["03-31 00:00 -01:00", "03-31 23:30 -01:00"]
    );
    assert_eq!(next("0 6 * * *", chrono_tz::Pacific::Apia, "2011-12-29T17:00:00Z", 1), ["12-31 06:00 +14:00"]);
    assert_eq!(next("0 0 29 2 *", chrono_tz::UTC, "2096-03-01T00:00:00Z", 1), ["02-29 00:00 +00:00"], "eight years");
}

/// A shop whose runs take a while; what was started, with the moment.
struct Simulation {
    planner: Planner,
    now: DateTime<Utc>,
    running_until: Option<DateTime<Utc>>,
    run_takes: TimeDelta,
    started: Vec<(Unstarted, DateTime<Utc>)>,
    cancelled: Vec<DateTime<Utc>>,
    skipped: Vec<(DateTime<Utc>, u64, Skipped)>,
}

impl Simulation {
    fn new(schedule: Schedule, zone: Tz, now: DateTime<Utc>, run_takes: TimeDelta) -> Self {
        let (planner, _) = Planner::resume(schedule, zone, None, now);
        Self {
            planner,
            now,
            running_until: None,
            run_takes,
            started: Vec::new(),
            cancelled: Vec::new(),
            skipped: Vec::new(),
        }
    }

    fn go(&mut self, until: DateTime<Utc>, step: TimeDelta) {
        while self.now < until {
            self.now += step;
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.running_until.is_some_and(|end| end <= self.now) {
            self.running_until = None;
            self.planner.ended();
        }
        for step in self.planner.tick(self.now, false) {
            match step {
                Step::Start(run) => {
                    assert!(self.running_until.is_none(), "two runs at once");
                    self.started.push((run, self.now));
                    self.running_until = Some(self.now + self.run_takes);
                }
                Step::Cancel(due) => {
                    self.cancelled.push(due);
                    self.running_until = Some(self.now);
                }
                Step::Skip(due, count, why) => self.skipped.push((due, count, why)),
            }
        }
    }

    /// The process dies, and another goes on after a while.
    fn die(&mut self, schedule: &Schedule, zone: Tz, away: TimeDelta) {
        let memory = self.planner.memory();
        self.now += away;
        self.running_until = None;
        let (planner, steps) = Planner::resume(schedule.clone(), zone, Some(&memory), self.now);
        self.planner = planner;
        self.skipped.extend(steps.into_iter().filter_map(|step| match step {
            Step::Skip(due, count, why) => Some((due, count, why)),
            _ => None,
        }));
        self.tick();
    }
}

fn schedule(text: &str, overlap: Overlap, missed: Missed) -> Schedule {
    Schedule { cron: cron(text), overlap, missed }
}

/// Given 400 days with a leap day and both clock changes in them, when the clock ticks through, then every
/// day of the shop has one run, at whatever time the schedule names, and in zones of every kind.
#[test]
fn one_run_a_shop_day_over_400_days() {
    let zones = [
        chrono_tz::Europe::Berlin,
        chrono_tz::America::New_York,
        chrono_tz::Asia::Beirut,
        chrono_tz::America::Nuuk,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::Africa::Casablanca,
        chrono_tz::Asia::Kolkata,
        chrono_tz::UTC,
    ];
    for zone in zones {
        for text in ["0 6 * * *", "30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1 * * *", "0 3 * * *"] {
            let start = zone.from_local_datetime(&"2024-01-01T00:00:00".parse().unwrap()).unwrap().with_timezone(&Utc);
            let mut shop = Simulation::new(
                schedule(text, Overlap::Wait, Missed::Last),
                zone,
                start - TimeDelta::seconds(1),
                TimeDelta::minutes(7),
            );
            let first: NaiveDate = "2024-01-01".parse().unwrap();
            let end = first + TimeDelta::days(400);
            let end = zone.from_local_datetime(&end.and_hms_opt(0, 0, 0).unwrap()).earliest().unwrap();
            shop.go(end.with_timezone(&Utc) - TimeDelta::minutes(1), TimeDelta::seconds(47));
            // A run belongs to the day whose time it is: what Nuuk skips before midnight is due at midnight.
            let days: Vec<NaiveDate> = shop
                .started
                .iter()
                .map(|(run, _)| {
                    let local = run.due.with_timezone(&zone);
                    let belongs = cron(text).times().next().unwrap();
                    let early = local.time() < belongs;
                    if early { local.date_naive().pred_opt().unwrap() } else { local.date_naive() }
                })
                .collect();
            let wanted: Vec<NaiveDate> = (0..400).map(|day| first + TimeDelta::days(day)).collect();
            assert_eq!(days, wanted, "{text} in {zone}");
            assert!(wanted.contains(&"2024-02-29".parse().unwrap()));
            assert!(shop.started.iter().all(|(run, _)| run.stands_for == 1), "{text} in {zone}: none was missed");
        }
    }
}

/// Given runs that take longer than the time between them, then each policy does what it says.
#[test]
fn overlap() {
    let zone = chrono_tz::UTC;
    let go = |overlap, missed| {
        let takes = TimeDelta::minutes(150);
        let mut shop = Simulation::new(schedule("0 * * * *", overlap, missed), zone, at("2024-03-15T00:30:00Z"), takes);
        shop.go(at("2024-03-15T06:30:00Z"), TimeDelta::seconds(60));
        let started: Vec<String> = shop
            .started
            .iter()
            .map(|(run, at)| format!("{} at {} for {}", run.due.format("%H:%M"), at.format("%H:%M"), run.stands_for))
            .collect();
        let skipped: Vec<String> = shop.skipped.iter().map(|(due, ..)| due.format("%H:%M").to_string()).collect();
        let cancelled: Vec<String> = shop.cancelled.iter().map(|due| due.format("%H:%M").to_string()).collect();
        (started, skipped, cancelled)
    };
    let (started, skipped, cancelled) = go(Overlap::Wait, Missed::Last);
    assert_eq!(started, ["01:00 at 01:00 for 1", "03:00 at 03:30 for 2", "06:00 at 06:00 for 3"]);
    assert!(skipped.is_empty() && cancelled.is_empty());
    let (started, ..) = go(Overlap::Wait, Missed::All);
    assert_eq!(started, ["01:00 at 01:00 for 1", "02:00 at 03:30 for 1", "03:00 at 06:00 for 1"]);
    let (started, skipped, _) = go(Overlap::Skip, Missed::Last);
    assert_eq!(started, ["01:00 at 01:00 for 1", "04:00 at 04:00 for 1"]);
    assert_eq!(skipped, ["02:00", "03:00", "05:00", "06:00"]);
    let (started, _, cancelled) = go(Overlap::Cancel, Missed::Last);
    assert_eq!(started.len(), 6, "{started:?}");
    assert_eq!(cancelled, ["01:00", "02:00", "03:00", "04:00", "05:00"]);
}

/// Given a machine that was off for three days, then one run makes up for them, or one for each.
#[test]
fn missed_runs() {
    let zone = chrono_tz::Europe::Berlin;
    for (missed, wanted) in [(Missed::Last, vec![3]), (Missed::All, vec![1, 1, 1])] {
        let schedule = schedule("0 6 * * *", Overlap::Wait, missed);
        let mut shop = Simulation::new(schedule.clone(), zone, at("2024-03-28T12:00:00Z"), TimeDelta::minutes(5));
        shop.die(&schedule, zone, TimeDelta::hours(72));
        shop.go(at("2024-03-31T20:00:00Z"), TimeDelta::seconds(30));
        let stands_for: Vec<u64> = shop.started.iter().map(|(run, _)| run.stands_for).collect();
        assert_eq!(stands_for, wanted);
        assert_eq!(shop.started.last().unwrap().0.due, at("2024-03-31T04:00:00Z"), "the newest, in summer time");
        assert!(shop.started.iter().is_sorted_by_key(|(run, _)| run.due), "the oldest first");
    }
    // A year of minutes is made up for within bounds, and what is left out is counted.
    let schedule = schedule("* * * * *", Overlap::Wait, Missed::All);
    let mut shop = Simulation::new(schedule.clone(), zone, at("2024-01-01T00:00:00Z"), TimeDelta::seconds(1));
    shop.die(&schedule, zone, TimeDelta::days(366));
    let minutes = 366 * 24 * 60;
    assert_eq!(shop.skipped, [(at("2024-12-31T17:54:00Z"), minutes - MISSED_MAX as u64, Skipped::TooMany)]);
}

/// Given a run whose process dies again and again, then it is begun three times and given up, and the next
/// day's run comes as if nothing had been.
#[test]
fn a_run_that_kills_its_process_is_given_up() {
    let zone = chrono_tz::UTC;
    let schedule = schedule("0 6 * * *", Overlap::Wait, Missed::Last);
    let mut shop = Simulation::new(schedule.clone(), zone, at("2024-03-15T05:59:00Z"), TimeDelta::hours(1));
    shop.go(at("2024-03-15T06:01:00Z"), TimeDelta::seconds(30));
    for _ in 0..5 {
        shop.die(&schedule, zone, TimeDelta::minutes(1));
    }
    let attempts: Vec<u32> = shop.started.iter().map(|(run, _)| run.attempts).collect();
    assert_eq!(attempts, [0, 1, 2]);
    assert_eq!(shop.skipped, [(at("2024-03-15T06:00:00Z"), 1, Skipped::CutOffTooOften)]);
    shop.go(at("2024-03-16T06:01:00Z"), TimeDelta::seconds(30));
    assert_eq!(shop.started.last().unwrap().0.due, at("2024-03-16T06:00:00Z"));
}

/// Given a clock that jumps, back by two hours and forward by 40 days and back again, then no run comes
/// twice, and runs go on.
#[test]
fn a_clock_that_jumps() {
    let zone = chrono_tz::UTC;
    let mut shop = Simulation::new(
        schedule("0 6 * * *", Overlap::Wait, Missed::Last),
        zone,
        at("2024-03-15T05:00:00Z"),
        TimeDelta::minutes(5),
    );
    shop.go(at("2024-03-15T06:30:00Z"), TimeDelta::seconds(30));
    shop.now -= TimeDelta::hours(2);
    shop.go(at("2024-03-15T08:00:00Z"), TimeDelta::seconds(30));
    assert_eq!(shop.started.len(), 1, "06:00 came twice, and has run once");
    shop.now += TimeDelta::days(40);
    shop.go(shop.now + TimeDelta::hours(1), TimeDelta::seconds(30));
    assert_eq!(shop.started.len(), 2, "one run for all that the jump passed over");
    shop.now -= TimeDelta::days(40);
    shop.go(at("2024-03-17T07:00:00Z"), TimeDelta::seconds(30));
    let due: Vec<DateTime<Utc>> = shop.started.iter().skip(2).map(|(run, _)| run.due).collect();
    assert_eq!(due, [at("2024-03-16T06:00:00Z"), at("2024-03-17T06:00:00Z")]);
}

/// Given a schedule that was changed while nobody ran it, then it counts from when it is first seen.
#[test]
fn a_changed_schedule_has_missed_nothing() {
    let zone = chrono_tz::UTC;
    let old = schedule("0 0 1 1 *", Overlap::Wait, Missed::All);
    let (planner, _) = Planner::resume(old, zone, None, at("2024-01-02T00:00:00Z"));
    let new = schedule("* * * * *", Overlap::Wait, Missed::All);
    let (mut planner, _) = Planner::resume(new, zone, Some(&planner.memory()), at("2024-03-15T06:00:30Z"));
    assert_eq!(planner.tick(at("2024-03-15T06:00:45Z"), false), []);
    assert_eq!(planner.wakes_at(), Some(at("2024-03-15T06:01:00Z")));
}

/// Given a run that no schedule asked for, then what is due waits for it, whatever the policy.
#[test]
fn other_runs_are_waited_for() {
    for overlap in [Overlap::Wait, Overlap::Skip, Overlap::Cancel] {
        let schedule = schedule("0 6 * * *", overlap, Missed::Last);
        let (mut planner, _) = Planner::resume(schedule, chrono_tz::UTC, None, at("2024-03-15T05:00:00Z"));
        assert_eq!(planner.tick(at("2024-03-15T06:00:01Z"), true), []);
        let steps = planner.tick(at("2024-03-15T06:10:00Z"), false);
        assert!(matches!(&steps[..], [Step::Start(run)] if run.due == at("2024-03-15T06:00:00Z")), "{steps:?}");
    }
}

/// Given a file that grows, pauses shortly, is replaced under its name, or keeps an old time, then it has
/// arrived only once it has rested as long as it must.
#[test]
fn files_settle() {
    let start = at("2024-03-15T06:00:00Z");
    let mut settling = Settling::new(Duration::seconds(2));
    let file = |size, modified: i64| Seen {
        path: PathBuf::from("inbox/sales/a.csv"),
        size,
        modified: Some(start + Duration::seconds(modified)),
    };
    let mut looks = VecDeque::from([
        (0, file(10, 0), false),
        (1, file(20, 1), false),
        (2, file(20, 1), false),
        (3, file(20, 1), true),
        (4, file(20, 3), false),
        (5, file(25, -900), false),
        (7, file(25, -900), true),
    ]);
    while let Some((second, file, rests)) = looks.pop_front() {
        let now = start + Duration::seconds(second);
        let rested = settling.look(now, vec![file]);
        assert_eq!(!rested.is_empty(), rests, "after {second} s");
        assert_eq!(settling.waits(now), !rests);
        assert_eq!(settling.unsettled(now).is_empty(), rests);
    }
    assert!(settling.look(start + Duration::seconds(8), Vec::new()).is_empty(), "a file that is gone is forgotten");
    assert!(!settling.waits(start + Duration::seconds(8)));
}
