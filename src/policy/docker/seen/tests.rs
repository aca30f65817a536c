use super::*;

/// What docker 20.10 says of a container with a bind, volumes and a tmpfs.
const DOCKER: &str = r#"m  {"of":"/web","mount":{"Type":"bind","Source":"/srv/app","Destination":"/b","Mode":"","RW":true,"Propagation":"rprivate"}}
m  {"of":"/web","mount":{"Type":"bind","Source":"/srv/conf","Destination":"/c","Mode":"ro","RW":false,"Propagation":"rprivate"}}
m  {"of":"/web","mount":{"Type":"bind","Source":"/etc/localtime","Destination":"/etc/localtime","Mode":"ro","RW":false,"Propagation":"rprivate"}}
m  {"of":"/web","mount":{"Type":"tmpfs","Source":"","Destination":"/t","Mode":"","RW":true,"Propagation":""}}
m dev {"of":"/web","mount":{"Type":"volume","Name":"dev","Source":"/var/lib/docker/volumes/dev/_data","Destination":"/v","Driver":"local","Mode":"ro","RW":false,"Propagation":""}}
m plain {"of":"/web","mount":{"Type":"volume","Name":"plain","Source":"/var/lib/docker/volumes/plain/_data","Destination":"/p","Driver":"local","Mode":"z","RW":true,"Propagation":""}}
v {"Name":"dev","Driver":"local","Mountpoint":"/var/lib/docker/volumes/dev/_data","Options":{"device":"/srv/device","o":"bind","type":"none"}}
v {"Name":"plain","Driver":"local","Mountpoint":"/var/lib/docker/volumes/plain/_data","Options":null}
"#;

fn found(facts: &str, purpose: Purpose) -> Vec<(String, Use)> {
    let seen = read(facts, purpose, Escalation::Refused).unwrap();
    seen.sources.into_iter().map(|s| (s.path.as_str().to_owned(), s.access)).collect()
}

fn refused(facts: &str, purpose: Purpose) -> bool {
    read(facts, purpose, Escalation::Refused).is_err()
}

#[test]
fn every_mount_comes_out_with_what_is_done_to_it() {
    let of = |list: &[(&str, Use)]| list.iter().map(|(p, a)| ((*p).to_owned(), *a)).collect::<Vec<_>>();
    let started = [("/srv/app", Use::Write), ("/srv/conf", Use::Read), ("/srv/device", Use::Read)];
    assert_eq!(found(DOCKER, Purpose::Start), of(&started));
    let out = [("/srv/app", Use::Read), ("/srv/conf", Use::Read), ("/srv/device", Use::Read)];
    assert_eq!(found(DOCKER, Purpose::CopyOut), of(&out));
    assert_eq!(found(DOCKER, Purpose::CopyIn), of(&started), "what is copied in may read what it cannot write");
    let seen = read(DOCKER, Purpose::CopyOut, Escalation::Refused).unwrap();
    let storage: Vec<&str> = seen.storage.iter().map(RemotePath::as_str).collect();
    assert_eq!(storage, ["/etc/localtime", "/var/lib/docker/volumes/plain/_data"]);
}

#[test]
fn podman_writes_past_the_options_of_a_mount() {
    let ro = r#"m  {"of":"web","mount":{"Type":"bind","Source":"/srv/conf","Destination":"/c","Driver":"","Mode":"","Options":["rbind"],"RW":false,"Propagation":"rprivate"}}"#;
    assert_eq!(found(ro, Purpose::CopyIn), [("/srv/conf".to_owned(), Use::Write)]);
}

#[test]
fn a_volume_without_a_container_counts_as_written() {
    let bind =
        r#"v {"Name":"d","Driver":"local","Mountpoint":"/x","Options":{"device":"/srv/d","o":"bind","type":"none"}}"#;
    assert_eq!(found(bind, Purpose::Start), [("/srv/d".to_owned(), Use::Write)]);
}

#[test]
fn what_an_engine_does_not_tell_is_refused() {
    let log = r#"l 0af3 {"of":"web","log":"/srv/app/logs/web.log"}"#;
    for (facts, copies_out) in [(log, true), ("b", false)] {
        assert!(refused(facts, Purpose::Start) && refused(facts, Purpose::CopyIn), "{facts}");
        assert_eq!(refused(facts, Purpose::CopyOut), !copies_out, "{facts}");
        assert!(read(facts, Purpose::Start, Escalation::Allowed).is_ok(), "{facts}");
    }
}

#[test]
fn the_longest_stop_is_known() {
    let seen = read("t 60\nt 3600\nt 90\n", Purpose::Start, Escalation::Refused).unwrap();
    assert_eq!(seen, Seen { stop_seconds: 3600, ..Seen::default() });
    assert_eq!(read("t -1\n", Purpose::Start, Escalation::Refused).unwrap().stop_seconds, u64::MAX);
    assert!(refused("t x", Purpose::Start));
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    for (facts, opens) in [
        (r#"v {"Name":"d","Driver":"nfs","Mountpoint":"","Options":{}}"#, true),
        (r#"v {"Name":"d","Driver":"local","Options":{"type":"nfs","device":":/x","o":"addr=10.0.0.1"}}"#, true),
        (r#"v {"Name":"d","Driver":"local","Options":{"type":"ext4","device":"/dev/sda1"}}"#, true),
        (
            r#"m gone {"of":"w","mount":{"Type":"volume","Name":"gone","Source":"/x","Destination":"/v","RW":true}}"#,
            true,
        ),
        (r#"m  {"of":"w","mount":{"Type":"npipe","Source":"/x","Destination":"/v","RW":true}}"#, true),
        (r#"m  {"of":"w","mount":{"Type":"bind","Source":"x","Destination":"/v","RW":true}}"#, false),
        (r#"m  {"of":"w"}"#, false),
        ("m  {", false),
        ("nonsense", false),
    ] {
        for purpose in [Purpose::Start, Purpose::CopyOut, Purpose::CopyIn] {
            assert!(refused(facts, purpose), "{facts} {purpose:?}");
        }
        assert_eq!(read(facts, Purpose::Start, Escalation::Allowed).is_ok(), opens, "{facts}");
        assert!(read(facts, Purpose::CopyOut, Escalation::Allowed).is_err(), "{facts}: a copy needs a path");
    }
    assert!(refused(r#"p {"of":"w","pid":"host"}"#, Purpose::CopyOut));
    let bare = r#"r {"of":"w"}"#;
    assert!([Purpose::Start, Purpose::CopyOut, Purpose::CopyIn].into_iter().all(|purpose| refused(bare, purpose)));
    assert!(read(bare, Purpose::Start, Escalation::Allowed).is_ok());
}

#[test]
fn rights_on_the_host_are_named_and_refused() {
    for (host, named) in [
        (r#"{"Privileged":true}"#, "Privileged"),
        (r#"{"CapAdd":["SYS_ADMIN","NET_ADMIN"]}"#, "CapAdd SYS_ADMIN NET_ADMIN"),
        (r#"{"Devices":[{"PathOnHost":"/dev/sda"}]}"#, "Devices"),
        (r#"{"DeviceRequests":[{"Driver":""}]}"#, "DeviceRequests"),
        (r#"{"DeviceCgroupRules":["b 8:* rwm"]}"#, "DeviceCgroupRules b 8:* rwm"),
        (r#"{"SecurityOpt":["no-new-privileges","seccomp=unconfined"]}"#, "SecurityOpt seccomp=unconfined"),
        (r#"{"GroupAdd":["999"]}"#, "GroupAdd 999"),
        (r#"{"NetworkMode":"host"}"#, "NetworkMode=host"),
        (r#"{"PidMode":"host"}"#, "PidMode=host"),
        (r#"{"IpcMode":"host"}"#, "IpcMode=host"),
        (r#"{"NetworkMode":"ns:/proc/1/ns/net"}"#, "NetworkMode=ns:/proc/1/ns/net"),
        (r#"{"UTSMode":"host"}"#, "UTSMode=host"),
        (r#"{"UsernsMode":"host"}"#, "UsernsMode=host"),
        (r#"{"Runtime":"sysbox-runc"}"#, "Runtime sysbox-runc"),
        (r#"{"MaskedPaths":[],"ReadonlyPaths":["/proc/sys"]}"#, "MaskedPaths empty"),
        (r#"{"MaskedPaths":null,"ReadonlyPaths":[]}"#, "ReadonlyPaths empty"),
        (r#"{"CgroupnsMode":"host"}"#, "CgroupnsMode=host"),
        (r#"{"CgroupMode":"host"}"#, "CgroupMode=host"),
        (r#"{"OomScoreAdj":-900}"#, "OomScoreAdj -900"),
        (r#"{"Ulimits":[{"Name":"rtprio","Hard":99,"Soft":99}]}"#, "Ulimits rtprio"),
    ] {
        let line = format!(r#"h {{"of":"/w","host":{host}}}"#);
        for purpose in [Purpose::Start, Purpose::CopyIn] {
            let refusal = read(&line, purpose, Escalation::Refused).expect_err(host);
            assert!(refusal.what.contains(&format!("gets them: {named}.")), "{host}: {}", refusal.what);
            assert!(read(&line, purpose, Escalation::Allowed).is_ok(), "{host}");
        }
        assert!(read(&line, Purpose::CopyOut, Escalation::Refused).is_ok(), "{host}");
    }
    let plain = r#"h {"of":"/w","host":{"Privileged":false,"CapAdd":null,"Devices":[],"SecurityOpt":["no-new-privileges"],"GroupAdd":[],"NetworkMode":"default","PidMode":"","IpcMode":"private","UTSMode":"","UsernsMode":"","CgroupnsMode":"private","Runtime":"runc","MaskedPaths":["/proc/kcore"],"ReadonlyPaths":null,"OomScoreAdj":0,"Ulimits":[{"Name":"nofile","Hard":9,"Soft":9}]}}"#;
    assert!(!refused(plain, Purpose::Start) && !refused(plain, Purpose::CopyIn));
}
