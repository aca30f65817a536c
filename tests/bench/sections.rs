//! The sections of the table that are about the whole server and not about one tool.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::Extent;
use crate::floor::{self, Master};
use crate::report::{Row, median, ms, quantile};
use crate::server::{Server, Setup};
use crate::world::{CROWD, World, list_size, resident};

/// Rounds of one kind follow one another at this distance, so that standbys are ready on loopback.
const PAUSE: Duration = Duration::from_millis(60);

/// Start-up, memory and the size of the catalogue.
pub fn start(world: &World, extent: &Extent) -> Vec<Row> {
    let mut took = Vec::new();
    for _ in 0..extent.far.max(5) * 2 {
        let setup = Setup::open_box(&world.sshd);
        let began = Instant::now();
        let server = setup.start();
        took.push(began.elapsed());
        drop(server);
    }
    let mut server = Setup::open_box(&world.sshd).env("ALLOW_SUDO", "true").start();
    let (all, count) = list_size(&mut server);
    std::thread::sleep(Duration::from_millis(500));
    let idle = resident(server.pid());
    let mut closed = Setup::open_box(&world.sshd)
        .env("ALLOW_LOW_ACCESS_TOOLS", "false")
        .env("ALLOW_DANGEROUS_TOOLS", "false")
        .start();
    let (least, few) = list_size(&mut closed);
    drop(closed);
    let began = Instant::now();
    flood(&mut server, "box", 8, extent.many);
    let rate = extent.many as f64 / began.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_millis(500));
    let after = resident(server.pid());
    flood(&mut server, "box", 50, 600);
    std::thread::sleep(Duration::from_millis(500));
    let crowd = resident(server.pid());
    vec![
        Row::new("start to initialize answered", ms(median(&took)), "ms")
            .at_most(20.0)
            .note(format!("p95 {:.1} ms; with writing its configuration", ms(quantile(&took, 0.95)))),
        Row::new("memory, idle", idle, "MiB").at_most(16.0).note("resident, after tools/list"),
        Row::new(format!("memory, after {} calls", extent.many), after, "MiB")
            .at_most(24.0)
            .note(format!("8 at once, {rate:.0} a second")),
        Row::new("memory, after 50 at once", crowd, "MiB").at_most(24.0),
        Row::new("tools/list, every tier", all as f64, "bytes").note(format!("{count} tools")),
        Row::new("tools/list, read tier only", least as f64, "bytes").note(format!("{few} tools")),
    ]
}

/// `true` on an open connection, in every way, in turn.
pub fn warm(world: &World, extent: &Extent) -> Vec<Row> {
    let mut server = world.server(&[]);
    let config = server.dir.path().join("ssh_config");
    let folder = server.dir.path().to_owned();
    let master = Master::open(&config, &folder, "near0");
    let session = master.attach();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut ours, mut by_ssh, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut own, mut echoed) = (Vec::new(), Vec::new());
    let mut echo = floor::Echo::start();
    for round in 0..=extent.warm {
        std::thread::sleep(PAUSE);
        let began = Instant::now();
        let answer = server.call("ssh_exec_run", json!({"host": "near0", "command": "true"}));
        let took = began.elapsed();
        assert!(!answer.error, "{}", answer.text);
        std::thread::sleep(PAUSE);
        let ssh = master.exec();
        std::thread::sleep(PAUSE / 3);
        let multiplexed = runtime.block_on(floor::bare(&session));
        // Both after the same wait: what was just running is in the processor's caches, and answers in a third of the time.
        std::thread::sleep(PAUSE / 3);
        let began = Instant::now();
        server.call("ssh_host_notes", json!({"host": "near0"}));
        let without = began.elapsed();
        std::thread::sleep(PAUSE / 3);
        let pipes = echo.line();
        if round > 0 {
            echoed.push(pipes);
            ours.push(took);
            by_ssh.push(ssh);
            bare.push(multiplexed);
            own.push(without);
        }
    }
    drop(runtime.enter());
    // One after another, so that neither is measured with caches that went cold in a pause.
    let (mut share, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..extent.warm.max(100) {
        let began = Instant::now();
        server.call("ssh_host_notes", json!({"host": "near0"}));
        share.push(began.elapsed());
    }
    for _ in 0..extent.warm.max(100) {
        floor.push(echo.line());
    }
    let of =
        |samples: &[Duration]| format!("p50 {:.2} ms, p95 {:.2} ms", ms(median(samples)), ms(quantile(samples, 0.95)));
    let part = |a: &[Duration], b: &[Duration]| median(a).as_secs_f64() / median(b).as_secs_f64();
    vec![
        Row::new("ssh_exec_run true", ms(median(&ours)), "ms").note(of(&ours)),
        Row::new("  ssh through a master", ms(median(&by_ssh)), "ms").note(of(&by_ssh)),
        Row::new("  bare multiplexed exec", ms(median(&bare)), "ms").note(of(&bare)),
        Row::new("  of ssh through a master", part(&ours, &by_ssh), "ratio").at_most(0.3),
        Row::new("own share of a call", ms(median(&share)) - ms(median(&floor)), "ms").at_most(0.3).note(format!(
            "JSON, policy, audit: a call that needs no host {:.2} ms, less {:.2} ms for the pipes, by cat",
            ms(median(&share)),
            ms(median(&floor))
        )),
        Row::new("  the same, each after a pause", ms(median(&own)) - ms(median(&echoed)), "ms").note(format!(
            "{:.2} ms less {:.2} ms: with the waking of an idle processor",
            ms(median(&own)),
            ms(median(&echoed))
        )),
    ]
}

/// The first call on a host beside `ssh HOST true`.
pub fn cold(world: &World, extent: &Extent) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in ["near", "far"] {
        let mut server = world.server(&[]);
        let config = server.dir.path().join("ssh_config");
        let (mut ours, mut ssh) = (Vec::new(), Vec::new());
        for i in 0..extent.cold {
            let name = format!("cold-{kind}{i}");
            ssh.push(floor::cold(&config, &name));
            let began = Instant::now();
            let answer = server.call("ssh_exec_run", json!({"host": name, "command": "true"}));
            ours.push(began.elapsed());
            assert!(!answer.error, "{}", answer.text);
            std::thread::sleep(Duration::from_millis(700));
        }
        let ratio = median(&ours).as_secs_f64() / median(&ssh).as_secs_f64();
        let place = if kind == "far" { "at 100 ms" } else { "on loopback" };
        rows.push(Row::new(format!("first call, {place}"), ratio, "ratio").at_most(1.2).note(format!(
            "p50 {:.0} ms; ssh HOST true {:.0} ms",
            ms(median(&ours)),
            ms(median(&ssh))
        )));
    }
    rows
}

/// Many hosts at once, at 100 ms, beside the slowest of them alone.
pub fn crowd(world: &World, _: &Extent) -> Vec<Row> {
    let mut server = world.server(&[]);
    let hosts: Vec<String> = (0..CROWD).map(|i| format!("crowd{i}")).collect();
    let mut rows = Vec::new();
    // The hosts are one machine here. A command that takes its time shows the wait, `true` mostly shows that machine.
    for (command, budget) in [("sleep 2", Some(1.3)), ("true", None)] {
        let args = json!({"hosts": hosts, "command": command, "concurrency": CROWD});
        let failed = server.ok("ssh_broadcast", args.clone())["failed"].as_array().map_or(0, Vec::len);
        std::thread::sleep(Duration::from_secs(3));
        let began = Instant::now();
        server.ok("ssh_broadcast", args);
        let all = began.elapsed();
        std::thread::sleep(Duration::from_secs(3));
        let one = |host: &String| {
            let began = Instant::now();
            server.ok("ssh_exec_run", json!({"host": host, "command": command}));
            began.elapsed()
        };
        let slowest = hosts.iter().step_by(if budget.is_some() { 10 } else { 1 }).map(one).max().unwrap_or_default();
        let row = Row::new(
            format!("broadcast to {CROWD}, {command}, of the slowest"),
            all.as_secs_f64() / slowest.as_secs_f64(),
            "ratio",
        )
        .note(format!("{:.0} ms; slowest alone {:.0} ms; {failed} failed", ms(all), ms(slowest)));
        rows.push(match budget {
            Some(most) => row.at_most(most),
            None => row,
        });
    }
    rows
}

/// Calls a second.
pub fn rates(world: &World, extent: &Extent) -> Vec<Row> {
    let mut server = world.server(&[]);
    let config = server.dir.path().join("ssh_config");
    let master = Master::open(&config, server.dir.path(), "near1");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let session = master.attach();
    let mut rows = Vec::new();
    for (at_once, budget) in [(1, None), (8, None), (50, Some(0.4))] {
        let calls = extent.rate / if at_once == 1 { 3 } else { 1 };
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        // In turn, so that what else the machine does falls on both.
        for _ in 0..3 {
            flood(&mut server, "near0", at_once, at_once);
            let began = Instant::now();
            flood(&mut server, "near0", at_once, calls / 3);
            ours.push((calls / 3) as f64 / began.elapsed().as_secs_f64());
            std::thread::sleep(Duration::from_millis(300));
            bare.push(runtime.block_on(floor::bare_rate(&session, at_once, calls / 3)));
            std::thread::sleep(Duration::from_millis(300));
        }
        ours.sort_by(f64::total_cmp);
        bare.sort_by(f64::total_cmp);
        let row = Row::new(format!("calls a second, {at_once} at once"), ours[1], "1/s");
        rows.push(row.note(format!("{:.0} to {:.0}; bare multiplexed {:.0}", ours[0], ours[2], bare[1])));
        let row = Row::new("  of bare multiplexed", ours[1] / bare[1], "ratio");
        rows.push(match budget {
            Some(least) => row.at_least(least),
            None => row,
        });
    }
    rows
}

/// Large files between here and the host.
pub fn bulk(world: &World, extent: &Extent) -> Vec<Row> {
    let local = tempfile::Builder::new().prefix("bulk-").tempdir().unwrap();
    let local = local.path().canonicalize().unwrap();
    let place = local.display().to_string();
    let size = (extent.bulk as u64) << 20;
    let limit = size.to_string();
    let mut server = world.server(&[
        ("SSH_LOCAL_TRANSFER_ROOTS", place.as_str()),
        ("SSH_LOCAL_TRANSFER_MAX_BYTES", &limit),
        ("SSH_UPLOAD_MAX_FILE_BYTES", &limit),
    ]);
    let config = server.dir.path().join("ssh_config");
    let master = Master::open(&config, server.dir.path(), "near1");
    let root = world.sites[0].root.clone();
    std::fs::create_dir_all(&root).unwrap();
    let (file, back) = (local.join("file"), local.join("back"));
    noise(&file, extent.bulk);
    let (here, there) = (file.display().to_string(), format!("{root}/bulk"));
    server.call("ssh_exec_run", json!({"host": "near0", "command": "true"}));
    let mut rows = Vec::new();
    for up in [true, false] {
        let (mut ours, mut sftp, mut scp, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
        let mut failed = None;
        for _ in 0..3 {
            for path in [&back, &std::path::PathBuf::from(&there)] {
                if up || path == &back {
                    let _ = std::fs::remove_file(path);
                }
            }
            let (tool, args) = if up {
                ("ssh_upload", json!({"host": "near0", "path": there, "local_path": here}))
            } else {
                ("ssh_sftp_download", json!({"host": "near0", "path": there, "local_path": back.display().to_string()}))
            };
            let began = Instant::now();
            let id = server.begin_call(tool, args);
            let answer = loop {
                peak = peak.max(resident(server.pid()));
                if let Some(answer) = server.answer(id, Duration::from_millis(50)) {
                    break answer;
                }
                assert!(began.elapsed() < Duration::from_secs(600), "{tool} does not end");
            };
            ours.push(began.elapsed());
            if answer.error {
                failed = Some(answer.text);
                break;
            }
            let copy = format!("{root}/copy");
            let _ = std::fs::remove_file(local.join("copy"));
            let kept = local.join("copy").display().to_string();
            if up {
                sftp.push(master.sftp(&format!("put {here} {copy}\n")));
                scp.push(master.scp(&here, &format!("{{}}:{copy}")));
            } else {
                sftp.push(master.sftp(&format!("get {there} {kept}\n")));
                scp.push(master.scp(&format!("{{}}:{there}"), &kept));
            }
        }
        let way = if up { "up" } else { "down" };
        let name = format!("{} MiB {way} by local_path", extent.bulk);
        if let Some(why) = failed {
            rows.push(Row::new(name, f64::NAN, "MiB/s").note(why.replace('\n', " ")));
            std::fs::copy(&file, &there).unwrap();
            continue;
        }
        let rate = |samples: &[Duration]| extent.bulk as f64 / median(samples).as_secs_f64();
        rows.push(Row::new(name, rate(&ours), "MiB/s").note(format!("sftp {:.0}, scp {:.0}", rate(&sftp), rate(&scp))));
        rows.push(Row::new("  of sftp", rate(&ours) / rate(&sftp), "ratio").at_least(0.9));
        rows.push(Row::new("  memory at most", peak, "MiB").at_most(64.0));
    }
    let _ = std::fs::remove_dir_all(&local);
    rows
}

/// A file that does not compress.
fn noise(path: &std::path::Path, mib: usize) {
    use std::io::{Read as _, Write as _};
    let mut random = std::fs::File::open("/dev/urandom").unwrap();
    let mut block = vec![0; 1 << 20];
    random.read_exact(&mut block).unwrap();
    let mut file = std::fs::File::create(path).unwrap();
    for i in 0..mib {
        block[..8].copy_from_slice(&(i as u64).to_le_bytes());
        file.write_all(&block).unwrap();
    }
}

/// `calls` executions of `true`, `at_once` of them in flight at any time.
fn flood(server: &mut Server, host: &str, at_once: usize, calls: usize) {
    let mut running = Vec::new();
    let mut begun = 0;
    while begun < calls || !running.is_empty() {
        while begun < calls && running.len() < at_once {
            running.push(server.begin_call("ssh_exec_run", json!({"host": host, "command": "true"})));
            begun += 1;
        }
        let (id, answer) = server.wait_any(&running, Duration::from_secs(120)).expect("every call is answered");
        assert!(answer["result"]["isError"] != true, "{answer}");
        running.retain(|one| *one != id);
    }
}
