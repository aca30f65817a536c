//! Measures the server against what the system's own programs need for the same, and prints one table.
//!
//! `contrib/bench` builds and starts it. It judges nothing: a budget that does not hold is printed as such, and the exit
//! status is 0.

#![allow(unreachable_pub, reason = "a program exports nothing")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a table is its purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "as in tests")]
#![allow(clippy::zombie_processes, reason = "the sweeper of the containers outlives this process")]

mod cases;
#[path = "../it/containers.rs"]
mod containers;
mod delay;
mod floor;
#[path = "../it/read_back.rs"]
mod read_back;
mod report;
mod sections;
#[path = "../it/server.rs"]
mod server;
#[path = "../it/skips.rs"]
mod skips;
#[path = "../it/sshd.rs"]
mod sshd;
mod tools;
mod world;

use report::Row;
use world::World;

/// How much is measured.
pub struct Extent {
    /// Calls of each tool near and far.
    pub near: usize,
    /// At 100 ms.
    pub far: usize,
    /// Rounds in which `true` is run in every way.
    pub warm: usize,
    /// Calls for each rate.
    pub rate: usize,
    /// Calls before memory is looked at again.
    pub many: usize,
    /// Size of the bulk file in MiB.
    pub bulk: usize,
    /// First calls.
    pub cold: usize,
}

type Section = fn(&World, &Extent) -> Vec<Row>;

const WHOLE: Extent = Extent { near: 21, far: 9, warm: 150, rate: 1500, many: 10_000, bulk: 1024, cold: 6 };
const QUICK: Extent = Extent { near: 5, far: 3, warm: 40, rate: 300, many: 1_000, bulk: 128, cold: 3 };

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (mut extent, mut containers, mut json, mut document, mut only) = (WHOLE, false, None, None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => extent = QUICK,
            "--containers" => containers = true,
            "--json" => json = words.next(),
            "--document" => document = words.next(),
            // One section, for who works on it.
            "--only" => only = words.next(),
            "--compare" => {
                let (a, b) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                if let Err(why) = report::compare(&a, &b) {
                    eprintln!("contrib/bench: {why}");
                    std::process::exit(2);
                }
                return;
            }
            other => {
                eprintln!("contrib/bench: unknown argument {other}");
                std::process::exit(2);
            }
        }
    }
    let world = match World::new(containers) {
        Ok(world) => world,
        Err(why) => {
            eprintln!("contrib/bench: {why}");
            std::process::exit(2);
        }
    };
    let mut rows: Vec<Row> = Vec::new();
    let sections: [(&str, Section); 7] = [
        ("start", sections::start),
        ("warm", sections::warm),
        ("cold", sections::cold),
        ("crowd", sections::crowd),
        ("rates", sections::rates),
        ("bulk", sections::bulk),
        ("tools", tools::tools),
    ];
    report::heading();
    for (name, section) in sections {
        if only.as_ref().is_none_or(|only| only == name) {
            for row in section(&world, &extent) {
                row.print();
                rows.push(row);
            }
        }
    }
    print!("\n{}", report::summary(&rows));
    if let Some(path) = document {
        let mut command = String::from("contrib/bench");
        command += if containers { " --containers" } else { "" };
        command += if extent.far == QUICK.far { " --quick" } else { "" };
        if let Err(why) = report::document(&path, &command, &rows) {
            eprintln!("contrib/bench: {why}");
        }
    }
    if let Some(path) = json {
        std::fs::write(&path, format!("{:#}\n", report::json(&rows))).unwrap();
    }
}
