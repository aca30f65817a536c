use super::*;

fn unit(name: &str, load: &str, active: &str, sub: &str, description: &str) -> Unit {
    let [name, load, active, sub, description] = [name, load, active, sub, description].map(str::to_owned);
    Unit { name, load, active, sub, description, next_run: None, last_run: None, activates: None }
}

#[test]
fn failed_missing_and_masked_rows_keep_their_columns() {
    let captured = "\
UNIT                                 LOAD      ACTIVE   SUB     DESCRIPTION
auditd.service                       not-found inactive dead    auditd.service
bad.service                          loaded    failed   failed  Bad one
console-getty.service                masked    inactive dead    console-getty.service
getty-static.service                 loaded    inactive dead    getty on tty2-tty6 if dbus and logind are not available

LOAD   = Reflects whether the unit definition was properly loaded.
ACTIVE = The high-level unit activation state, i.e. generalization of SUB.
SUB    = The low-level unit activation state, values depend on unit type.
54 loaded units listed.
";
    assert_eq!(
        rows(captured),
        [
            unit("auditd.service", "not-found", "inactive", "dead", "auditd.service"),
            unit("bad.service", "loaded", "failed", "failed", "Bad one"),
            unit("console-getty.service", "masked", "inactive", "dead", "console-getty.service"),
            unit(
                "getty-static.service",
                "loaded",
                "inactive",
                "dead",
                "getty on tty2-tty6 if dbus and logind are not available"
            ),
        ]
    );
}

#[test]
fn a_column_of_jobs_does_not_run_into_the_description() {
    let captured = "\
UNIT                               LOAD   ACTIVE     SUB     JOB   DESCRIPTION
dbus.service                       loaded active     running       D-Bus System Message Bus
slow.service                       loaded activating start   start slow.service
";
    assert_eq!(
        rows(captured),
        [
            unit("dbus.service", "loaded", "active", "running", "D-Bus System Message Bus"),
            unit("slow.service", "loaded", "activating", "start", "slow.service"),
        ]
    );
}

#[test]
fn marks_of_old_versions_are_no_column() {
    let captured = "  UNIT         LOAD   ACTIVE     SUB    JOB   DESCRIPTION
* bad.service  loaded failed     failed       bad.service
  slow.service loaded activating start  start slow.service

LOAD   = Reflects whether the unit definition was properly loaded.
";
    let units = rows(captured);
    assert_eq!(units[0], unit("bad.service", "loaded", "failed", "failed", "bad.service"));
    assert_eq!(units[1].description, "slow.service");
}

#[test]
fn no_units_are_no_rows() {
    assert!(rows("UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed.\n").is_empty());
    assert!(rows("0 loaded units listed.\n").is_empty());
    assert!(rows("").is_empty());
}

#[test]
fn the_pattern_is_the_only_operand() {
    let args = serde_json::json!({ "host": "h", "pattern": "-x*", "state": "failed", "unit_type": "*", "all_": true });
    let command = command(&serde_json::from_value(args).unwrap());
    let words = ["systemctl", "--no-pager", "--plain", "--full", "list-units", "--state=failed", "--all", "--", "-x*"];
    assert_eq!(command.words(), words);
}

#[test]
fn timers_have_their_times() {
    let mut units = vec![
        unit("logrotate.timer", "loaded", "active", "waiting", "Daily rotation"),
        unit("fstrim.timer", "loaded", "inactive", "dead", "Discard"),
    ];
    let captured = "\
NEXT                        LEFT          LAST                        PASSED       UNIT                         ACTIVATES
Mon 2026-11-30 00:00:00 UTC 2h 21min left Sun 2026-11-29 00:00:03 UTC 21h ago      logrotate.timer              logrotate.service
-                           -             -                           -            fstrim.timer                 fstrim.service

2 timers listed.
";
    add_times(&mut units, captured);
    assert_eq!(units[0].next_run.as_deref(), Some("Mon 2026-11-30 00:00:00 UTC"));
    assert_eq!(units[0].last_run.as_deref(), Some("Sun 2026-11-29 00:00:03 UTC"));
    assert_eq!(units[0].activates.as_deref(), Some("logrotate.service"));
    assert_eq!((units[1].next_run.as_deref(), units[1].activates.as_deref()), (None, Some("fstrim.service")));
    let old = "NEXT                         LEFT     LAST PASSED UNIT             ACTIVATES\nn/a                          n/a      n/a  n/a    logrotate.timer  logrotate.service\n";
    add_times(&mut units, old);
    assert_eq!((units[0].next_run.as_deref(), units[0].activates.as_deref()), (None, Some("logrotate.service")));
}
