//! `schedule:` and `arrival:`, in each of their forms.

use insta::assert_snapshot;
use shoplake_core::schedule::{Missed, Overlap};

use crate::support::{SETTINGS, load_files, mistakes};

fn with(more: &str) -> String {
    format!("{SETTINGS}{more}")
}

/// Given an expression, a map, or neither, then it is read as stated, with the defaults of what is not.
#[test]
fn forms() {
    let read = |more: &str| load_files(&[("shoplake.yml", &with(more))], &[]).unwrap();
    let schedule = read("schedule: \"0 6 * * *\"\n").schedule.unwrap();
    assert_eq!(schedule.to_string(), "0 6 * * *");
    assert_eq!((schedule.overlap, schedule.missed), (Overlap::Wait, Missed::Last));
    let schedule = read("schedule: { cron: \"*/15 8-18 * * MON-FRI\", overlap: cancel, missed: all }\n").schedule;
    let schedule = schedule.unwrap();
    assert_eq!((schedule.overlap, schedule.missed), (Overlap::Cancel, Missed::All));
    let project = read("arrival: { run: false, settle: 10s }\n");
    assert!(project.schedule.is_none() && !project.arrival.run);
    assert_eq!(project.arrival.settle.num_seconds(), 10);
    assert_eq!((read("").arrival.run, read("").arrival.settle.num_seconds()), (true, 2));
    let overridden = load_files(&[], &[("SHOPLAKE__SCHEDULE", "30 5 * * *"), ("SHOPLAKE__ARRIVAL__SETTLE", "5s")]);
    let overridden = overridden.unwrap();
    assert_eq!(overridden.schedule.unwrap().to_string(), "30 5 * * *");
    assert_eq!(overridden.arrival.settle.num_seconds(), 5);
}

/// Given mistakes in them, then each is named at its place, with what to write.
#[test]
fn mistakes_have_their_place() {
    let settings = with("schedule:\n  cron: \"0 25 * * *\"\n  overlap: wiat\n  mised: all\narrival: { settle: 0 }\n");
    assert_snapshot!(mistakes(&[("shoplake.yml", &settings)], &[]), @r"
    shoplake.yml:5:9: `schedule`: `25` is not a valid hour (0 to 23)
      hint: for example `0 6 * * *`: every day at 6:00
    shoplake.yml:6:12: `overlap` cannot be `wiat`
      hint: did you mean `wait`?
    shoplake.yml:7:3: unknown key `mised`
      hint: did you mean `missed`?
    shoplake.yml:8:20: `0` is not between `1s` and `1h`
      hint: for example `2s`
    ");
    let settings = with("schedule: { missed: all }\narrival: { settle: 2h }\n");
    assert_snapshot!(mistakes(&[("shoplake.yml", &settings)], &[]), @"
    shoplake.yml:4:11: `cron` is missing
      hint: add `cron: …` there
    shoplake.yml:5:20: `2h` is not between `1s` and `1h`
      hint: for example `2s`
    ");
    let settings = with("schedule: [\"0 6 * * *\"]\n");
    assert_snapshot!(mistakes(&[("shoplake.yml", &settings)], &[]), @"
    shoplake.yml:4:11: `schedule` must be text or a map, found a list
      hint: write a text
    ");
}
