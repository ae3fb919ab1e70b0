//! The report of `-X lazy_report`, and that of a check.

use super::log::{Declaration, DoneNow, Log, Site};
use super::profile::Profile;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Version of the JSON's schema.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    deferred: &'a [Declaration],
    done_now: &'a [DoneNow],
    /// Deferred, never needed, and not loaded by anything else.
    not_loaded: BTreeSet<&'a str>,
    saved_us: BTreeMap<&'a str, u64>,
    not_bound: &'a BTreeSet<String>,
    effects: &'a BTreeMap<String, BTreeSet<String>>,
}

fn not_loaded(log: &Log) -> BTreeSet<&str> {
    let never = log.declarations.iter().filter(|one| !one.is_resolved());
    never
        .map(|one| one.module.as_str())
        .filter(|&module| !log.executed.contains(module))
        .collect()
}

fn saved<'a>(log: &'a Log, profile: Option<&Profile>) -> BTreeMap<&'a str, u64> {
    let cost = |module| Some((module, profile?.cost(module)?));
    not_loaded(log).into_iter().filter_map(cost).collect()
}

/// The report for programs.
///
/// # Errors
/// None that can be expected.
pub fn json(log: &Log, profile: Option<&Profile>) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Json {
        schema: SCHEMA,
        deferred: &log.declarations,
        done_now: &log.done_now,
        not_loaded: not_loaded(log),
        saved_us: saved(log, profile),
        not_bound: &log.not_bound,
        effects: &log.effects,
    })
}

fn place(site: &Site) -> String {
    if site.file.is_empty() {
        "?".into()
    } else {
        format!("{}:{}", site.file, site.line)
    }
}

/// The report for people.
pub fn text(log: &Log, profile: Option<&Profile>) -> String {
    let resolved: Vec<_> = log
        .declarations
        .iter()
        .filter(|one| one.is_resolved())
        .collect();
    let mut out = format!(
        "lazy imports: {} deferred, {} resolved, {} never; {} modules not loaded\n",
        log.declarations.len(),
        resolved.len(),
        log.declarations.len() - resolved.len(),
        not_loaded(log).len(),
    );
    let saved = saved(log, profile);
    if !saved.is_empty() {
        let sum: u64 = saved.values().sum();
        let _ = writeln!(
            out,
            "saved by the costs in the profile: {sum} us in {} modules",
            saved.len()
        );
    }
    if !resolved.is_empty() {
        out += "\nresolved\n   self us      all us  module\n";
        for one in resolved {
            for resolution in one.resolutions.iter().filter(|resolution| resolution.ok) {
                let _ = writeln!(
                    out,
                    "{:>10}  {:>10}  {} ({}), needed at {}",
                    resolution.self_us,
                    resolution.cumulative_us,
                    one.module,
                    place(&one.site),
                    place(&resolution.trigger),
                );
            }
        }
    }
    let section = |out: &mut String, title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            let _ = writeln!(out, "\n{title}");
            for row in rows {
                let _ = writeln!(out, "    {row}");
            }
        }
    };
    let failed = |one: &&Declaration| !one.is_resolved() && !one.resolutions.is_empty();
    let row = |one: &Declaration| format!("{} ({})", one.module, place(&one.site));
    let rows = log.declarations.iter().filter(failed).map(row).collect();
    section(&mut out, "failed", rows);
    let never = log
        .declarations
        .iter()
        .filter(|one| one.resolutions.is_empty());
    section(&mut out, "never resolved", never.map(row).collect());
    let now = log
        .done_now
        .iter()
        .map(|done| format!("{} ({}): {}", done.module, place(&done.site), done.reason));
    section(&mut out, "imported at once", now.collect());
    out
}

/// What laziness would change, by the effects that were seen.
pub fn check(log: &Log) -> String {
    let asked: Vec<_> = log
        .done_now
        .iter()
        .filter(|done| done.reason == "check")
        .collect();
    let mut out = String::new();
    for done in &asked {
        if let Some(names) = log.effects.get(&done.module) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let _ = writeln!(
                out,
                "    {} ({}) changes {}",
                done.module,
                place(&done.site),
                names.join(", ")
            );
        }
    }
    let head = format!("lazy imports: {} would be deferred, ", asked.len());
    if out.is_empty() {
        head + "none of which changes what others see\n"
    } else {
        head + "which moves these changes\n" + &out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let site = |line| Site {
            file: "p.py".into(),
            line,
            in_body: true,
        };
        let mut log = Log::default();
        log.deferred(1, "__main__", "never", "", site(1));
        log.deferred(2, "__main__", "json", "", site(2));
        log.resolving(0, 2, site(9));
        log.resolved(0, 2, true);
        log.declarations[1].resolutions[0].self_us = 12;
        log.declarations[1].resolutions[0].cumulative_us = 3456;
        log.done_now(DoneNow {
            module: "enc".into(),
            importer: "__main__".into(),
            site: site(3),
            reason: "check",
        });
        log
    }

    #[test]
    fn report_for_people() {
        let profile = "clinker-lazy-profile 1\ncost never 500 us in 1\n";
        let profile = Profile::parse(profile).unwrap();
        assert_eq!(
            text(&log(), Some(&profile)),
            include_str!("../../tests/golden/lazy_report.txt")
        );
    }

    #[test]
    fn report_for_programs() {
        let value: serde_json::Value = serde_json::from_str(&json(&log(), None).unwrap()).unwrap();
        assert_eq!(value["schema"], 1);
        assert_eq!(value["not_loaded"][0], "never");
        assert_eq!(value["deferred"][1]["resolutions"][0]["trigger"]["line"], 9);
    }

    #[test]
    fn what_a_check_says() {
        let mut log = log();
        assert!(check(&log).ends_with("none of which changes what others see\n"));
        let entry = log.effects.entry("enc".into()).or_default();
        entry.insert("codecs.register".into());
        assert!(check(&log).ends_with("\n    enc (p.py:3) changes codecs.register\n"));
    }
}
