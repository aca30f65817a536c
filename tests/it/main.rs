//! Integration tests, one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]
// Tables of cases are written alike, plain or not; processes that sweep outlive the test program on purpose.
#![allow(unreachable_pub, reason = "a program exports nothing")]
#![allow(clippy::needless_raw_string_hashes, clippy::collapsible_if, clippy::redundant_closure)]
#![allow(clippy::assertions_on_constants, clippy::unnecessary_literal_bound, clippy::zombie_processes)]

mod advice;
mod alive;
mod answers;
mod audit;
mod bare_words;
mod batch;
mod busybox_live;
mod caps;
mod changes;
mod circles;
mod cli;
mod connect;
mod containers;
mod contrib;
mod crashes;
mod dead_mounts;
mod dice;
mod disk;
mod docker;
mod documents;
mod e2e;
mod environments;
mod everyday;
mod exec;
mod faults;
mod file_limits;
mod files;
mod fleet;
mod found;
mod fuzzed;
mod gates;
mod grammar;
mod guides;
mod hooks;
mod in_surroundings;
mod jobs;
mod kept;
mod keyring;
mod kinds;
mod layers;
mod linear;
mod links;
mod listings;
mod login_shells;
mod logins;
mod managers_live;
mod names;
mod operands_live;
mod over_sftp;
mod package_runs;
mod patterns;
mod platforms;
mod plump;
mod prompts;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod races;
mod read_back;
mod real_names;
mod redact;
mod registry;
mod reload;
mod roots;
mod runbooks;
mod scripts;
mod server;
mod settle;
mod setup;
mod skips;
mod sshd;
mod stops;
mod sudo_live;
mod surfaces;
mod telemetry;
mod terminals;
mod transfers;
mod trees;
mod units_live;
mod veiled;
mod wire;
