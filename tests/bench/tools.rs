//! Every tool near and far: time on loopback, and network round trips.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Extent;
use crate::cases::{CASES, Case, DOCKER_END, Part};
use crate::report::{Row, TRIPS, median, ms, quantile};
use crate::server::Server;
use crate::world::{EACH_WAY, Filler, World, tools as offered};

/// From one call of a name to the next: time to open standbys, which takes two round trips each.
const APART: Duration = Duration::from_secs(1);

/// Between a preparation and the call, so that the one does not slow the other.
const QUIET: Duration = Duration::from_millis(40);

/// Times of one row, or what a call of it answered instead.
#[derive(Default)]
struct Taken {
    near: Vec<Duration>,
    far: Vec<Duration>,
    failed: Option<String>,
}

pub fn tools(world: &World, extent: &Extent) -> Vec<Row> {
    let mut server = world.server(&[]);
    let there = offered(&mut server);
    let mut rows = Vec::new();
    for site in &world.sites {
        let mut filler = Filler::new(site);
        let failed: HashMap<Part, String> = filler.set_up(&mut server).into_iter().collect();
        for name in [&site.near[..], &site.far[..]].concat() {
            server.call("ssh_exec_run", serde_json::json!({"host": name, "command": "true"}));
        }
        let (cases, absent): (Vec<Case>, Vec<Case>) = CASES
            .iter()
            .filter(|case| site.parts.contains(&case.part))
            .partition(|case| there.iter().any(|tool| tool == case.tool) && !failed.contains_key(&case.part));
        for case in &absent {
            let why = failed.get(&case.part).map_or("no such tool", String::as_str);
            rows.push(Row::new(name(case), f64::NAN, TRIPS).note(short(why)));
        }
        let mut taken: Vec<Taken> = cases.iter().map(|_| Taken::default()).collect();
        let mut last: HashMap<&str, Instant> = HashMap::new();
        let mut turns = [0; 2];
        for (far, round) in turns_of(extent) {
            let names = if far { &site.far } else { &site.near };
            for (case, taken) in cases.iter().zip(&mut taken) {
                if taken.failed.is_some() {
                    continue;
                }
                let turn = &mut turns[usize::from(far)];
                let host = &names[*turn % names.len()];
                let other = &names[(*turn + names.len() / 2) % names.len()];
                *turn += 1;
                let before = last.insert(host, Instant::now());
                // The first round is not counted: it opens what stays open.
                match one(&mut server, &mut filler, case, host, other, before) {
                    Ok(took) if round > 0 && far => taken.far.push(took),
                    Ok(took) if round > 0 => taken.near.push(took),
                    Ok(_) => {}
                    Err(why) => taken.failed = Some(why),
                }
                last.insert(host, Instant::now());
            }
        }
        for (case, taken) in cases.iter().zip(&taken) {
            rows.push(row(case, taken));
        }
        if site.parts.contains(&Part::Docker) {
            filler.by_hand(&mut server, DOCKER_END);
        }
    }
    for (part, why) in &world.missing {
        let count = CASES.iter().filter(|case| case.part == *part).count();
        rows.push(Row::new(format!("{part:?}: {count} rows"), f64::NAN, TRIPS).note(why));
    }
    let unmeasured: Vec<&str> =
        there.iter().map(String::as_str).filter(|tool| !CASES.iter().any(|c| c.tool == *tool)).collect();
    rows.push(
        Row::new("tools without a row", unmeasured.len() as f64, "tools")
            .note(unmeasured.join(" ").replace("ssh_", "")),
    );
    rows
}

/// Rounds near and far, evenly mixed: an engine or a disk that grows slower by and by does so for both.
fn turns_of(extent: &Extent) -> Vec<(bool, usize)> {
    let near = (0..=extent.near).map(|round| (round as f64 / extent.near as f64, (false, round)));
    let far = (0..=extent.far).map(|round| (round as f64 / extent.far as f64, (true, round)));
    let mut all: Vec<(f64, (bool, usize))> = near.chain(far).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, turn)| turn).collect()
}

fn name(case: &Case) -> String {
    if case.variant.is_empty() { case.tool.to_owned() } else { format!("{}, {}", case.tool, case.variant) }
}

fn short(why: &str) -> String {
    why.replace('\n', " ").chars().take(160).collect()
}

fn row(case: &Case, taken: &Taken) -> Row {
    if let Some(why) = &taken.failed {
        return Row::new(name(case), f64::NAN, TRIPS).note(short(why));
    }
    let (near, far) = (median(&taken.near), median(&taken.far));
    let trips = (far.as_secs_f64() - near.as_secs_f64()) / (2.0 * EACH_WAY.as_secs_f64());
    let row = Row::new(name(case), trips, TRIPS).note(format!(
        "loopback p50 {:.1} ms, p95 {:.1} ms; at 100 ms p50 {:.0} ms",
        ms(near),
        ms(quantile(&taken.near, 0.95)),
        ms(far)
    ));
    match case.budget {
        Some(most) => row.at_most(most),
        None => row,
    }
}

fn one(
    server: &mut Server,
    filler: &mut Filler<'_>,
    case: &Case,
    host: &str,
    other: &str,
    before: Option<Instant>,
) -> Result<Duration, String> {
    filler.count += 1;
    if case.args.contains("{session}") {
        filler.session(server, host);
    }
    if !case.before.is_empty() {
        let prepared = filler.by_hand(server, case.before);
        if prepared.error || prepared.data["exit_code"] != 0 {
            return Err(format!("the preparation failed: {} {}", prepared.text, prepared.data["stderr"]));
        }
    }
    let args: Value = serde_json::from_str(&filler.fill(case.args, host, other)).unwrap();
    let mut before = before;
    if case.again {
        server.call(case.tool, args.clone());
        before = Some(Instant::now());
    }
    std::thread::sleep(QUIET);
    if let Some(before) = before {
        std::thread::sleep((before + APART).saturating_duration_since(Instant::now()));
    }
    let began = Instant::now();
    let answer = server.call(case.tool, args);
    let took = began.elapsed();
    // `systemctl is-failed` says no by its status.
    let told = !case.tool.starts_with("ssh_systemctl_is_");
    let failed = answer.error || told && answer.data.get("exit_code").is_some_and(|code| *code != 0);
    if failed { Err(format!("{} {}", answer.text, answer.data["stderr"])) } else { Ok(took) }
}
