//! What a ledger said it wrote is there: after `kill -9` at any moment, with no room, and with a second process.
//! Everything is the real thing, in processes of their own; the last test is what those processes do.
#![cfg(unix)]

#[path = "common/ledger.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
mod ledger;

use ledger::{Folder, key, next_random, seen_at, sighting};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs};
use xmpp_tls::ledger::{ChangePolicy, Ledger, LedgerErrorKind, LedgerStore as _, RedbStore};

const ROLE: &str = "XMPP_TLS_TEST_ROLE";
const FILE: &str = "XMPP_TLS_TEST_FILE";
/// What a process says, among what the test harness says.
const MARK: &str = "child: ";

/// Lines that a process wrote.
struct Said {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Said {
    fn start(mut command: Command, role: &str, file: &Path) -> Self {
        command.args(["--exact", "what_the_processes_do", "--ignored", "--nocapture"]);
        command.env(ROLE, role).env(FILE, file).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Said { child, lines }
    }

    fn of(role: &str, file: &Path) -> Self {
        Self::start(Command::new(env::current_exe().unwrap()), role, file)
    }

    fn next(&mut self) -> Option<String> {
        let line = self
            .lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains(MARK))?;
        line.split_once(MARK).map(|(_, said)| said.to_owned())
    }

    fn all(mut self) -> Vec<String> {
        let said = std::iter::from_fn(|| self.next()).collect();
        assert!(self.child.wait().unwrap().success());
        said
    }

    /// Everything that it still wrote before it was killed.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let rest = std::iter::from_fn(|| self.next()).collect();
        self.child.wait().unwrap();
        rest
    }
}

fn numbers<'a>(said: &'a [String], what: &'a str) -> impl Iterator<Item = u32> + 'a {
    said.iter()
        .filter_map(move |line| line.strip_prefix(what)?.trim().parse().ok())
}

/// Each domain takes two writes: it is seen, and acknowledged.
#[test]
fn after_kill_at_any_moment_everything_acknowledged_is_there() {
    const WRITES: usize = 1000;
    let folder = Folder::new();
    drop(RedbStore::create(folder.file()).unwrap());
    let (mut written, mut accepted) = (Vec::<u32>::new(), Vec::<u32>::new());
    let (mut random, mut kills) = (29, 0);
    while written.len() + accepted.len() < WRITES {
        let mut child = Said::of("write", &folder.file());
        random = next_random(random);
        let mut said: Vec<String> = (0..random % 50).map_while(|_| child.next()).collect();
        // Somewhere in the middle of the next write.
        (0..random >> 44).for_each(|_| std::hint::spin_loop());
        said.extend(child.kill());
        kills += 1;
        written.extend(numbers(&said, "seen"));
        accepted.extend(numbers(&said, "accepted"));

        let ledger = Ledger::new(RedbStore::open(folder.file()).unwrap());
        for number in &written {
            let record = ledger.record(&key(*number)).unwrap();
            let record = record.unwrap_or_else(|| panic!("{number} was seen, and is gone after kill {kills}"));
            let is_accepted = record.is_acknowledged();
            assert!(
                is_accepted || !accepted.contains(number),
                "{number} was accepted, and is not after kill {kills}"
            );
        }
        // What was under way may be there, and nothing else.
        let records = u32::try_from(ledger.records().count()).unwrap();
        let known = u32::try_from(written.len()).unwrap();
        assert!(
            records >= known && records <= known + kills,
            "{records} records, {known} were written"
        );
    }
    assert!(kills > 10, "{kills}");
}

/// A process whose files cannot grow above so many octets: what is in them can be changed still, as on a full disk.
fn limited(octets: u64) -> Command {
    let mut command = Command::new("sh");
    // In blocks of 512 octets. Without the trap the system ends the process.
    command.args([
        "-c",
        &format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", octets / 512),
    ]);
    command.arg(env::current_exe().unwrap());
    command
}

#[test]
fn with_no_room_for_a_new_file_there_is_none() {
    let folder = Folder::new();
    let said = Said::start(limited(16 * 1024), "create", &folder.file()).all();
    assert!(said[0].contains("certificates.redb: no room to write"), "{said:?}");
    assert!(!folder.file().exists(), "a file that was not finished is left");
    assert_eq!(Said::of("create", &folder.file()).all(), ["created"]);
    let said = Said::of("create", &folder.file()).all();
    assert!(
        said[0].contains("there is something already: open it instead"),
        "{said:?}"
    );
}

#[test]
fn with_no_room_it_says_so_and_loses_nothing() {
    let folder = Folder::new();
    let store = RedbStore::create(folder.file()).unwrap();
    Ledger::new(store).observe(&sighting(0, b'a'), seen_at()).unwrap();
    let size = fs::metadata(folder.file()).unwrap().len();
    let said = Said::start(limited(size + 64 * 1024), "fill", &folder.file()).all();

    let error = said.iter().find_map(|line| line.strip_prefix("not recorded ")).unwrap();
    assert!(
        error.contains("certificates.redb: no room to write") && error.contains("free some"),
        "{error}"
    );
    assert!(said.contains(&"known ones are still known".to_owned()), "{said:?}");
    assert!(said.contains(&"a new key is still refused".to_owned()), "{said:?}");
    let written: Vec<u32> = numbers(&said, "seen").collect();
    assert!(written.len() > 20, "{said:?}");
    let ledger = Ledger::new(RedbStore::open(folder.file()).unwrap());
    for number in &written {
        assert!(ledger.record(&key(*number)).unwrap().is_some(), "{number} was lost");
    }
    let found = ledger.observe(&sighting(999_999, b'a'), seen_at()).unwrap();
    assert!(found.not_recorded.is_none(), "there is room again: {found}");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_that_says_so() {
    let folder = Folder::new();
    drop(RedbStore::create(folder.file()).unwrap());
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o444)).unwrap();
    let privileged = fs::OpenOptions::new().write(true).open(folder.file()).is_ok();
    let mut command = Command::new(env::current_exe().unwrap());
    if privileged {
        // Root may write everything, so this is done by somebody else, who need not be able to read our folders.
        let copy = folder.path().join("test");
        fs::copy(env::current_exe().unwrap(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(65_534).gid(65_534).current_dir("/");
    }
    let said = Said::start(command, "open", &folder.file()).all();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("certificates.redb: access is denied"), "{said:?}");
    assert!(said[0].contains("let this user write the file"), "{said:?}");
}

#[test]
fn two_processes_at_once_are_an_error_for_the_second() {
    let folder = Folder::new();
    let store = RedbStore::create(folder.file()).unwrap();
    let said = Said::of("open", &folder.file()).all();
    assert!(
        said[0].contains("certificates.redb: it is open elsewhere: only one process"),
        "{said:?}"
    );
    let again = RedbStore::open(folder.file()).unwrap_err();
    assert!(matches!(again.kind(), LedgerErrorKind::InUse), "{again}");

    let ledger = Ledger::new(store);
    assert!(
        ledger
            .observe(&sighting(1, b'a'), seen_at())
            .unwrap()
            .not_recorded
            .is_none()
    );
    drop(ledger);
    assert_eq!(Said::of("open", &folder.file()).all(), ["opened, 1 records"]);
}

fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // The harness does not end its line before.
    writeln!(out, "\n{MARK}{text}").unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "the other tests start it, in a process of its own"]
fn what_the_processes_do() {
    let file = PathBuf::from(env::var_os(FILE).expect("only for the other tests"));
    match env::var(ROLE).unwrap().as_str() {
        "open" => match RedbStore::open(&file) {
            Ok(store) => say(format_args!("opened, {} records", store.len().unwrap())),
            Err(error) => say(error),
        },
        "write" => {
            let store = RedbStore::open(&file).unwrap();
            let first = u32::try_from(store.len().unwrap()).unwrap();
            let ledger = Ledger::new(store);
            for number in first.. {
                let found = ledger.observe(&sighting(number, b'a'), seen_at()).unwrap();
                assert!(found.not_recorded.is_none(), "{found}");
                say(format_args!("seen {number}"));
                let key_hash = sighting(number, b'a').leaf().unwrap().spki_sha256;
                assert!(ledger.acknowledge(&key(number), &key_hash, "ops", seen_at()).unwrap());
                say(format_args!("accepted {number}"));
            }
        }
        "fill" => {
            let store = RedbStore::open(&file).unwrap();
            let ledger = Ledger::new(store).with_policy(ChangePolicy::strict());
            let mut written = Vec::new();
            for number in 1.. {
                let found = ledger.observe(&sighting(number, b'a'), seen_at()).unwrap();
                match found.not_recorded {
                    None => {
                        say(format_args!("seen {number}"));
                        written.push(number);
                    }
                    Some(error) => {
                        say(format_args!("not recorded {error}"));
                        break;
                    }
                }
            }
            if written
                .iter()
                .all(|number| ledger.record(&key(*number)).unwrap().is_some())
            {
                say("known ones are still known");
            }
            let other = ledger.observe(&sighting(written[0], b'x'), seen_at()).unwrap();
            if other.is_refused() {
                say("a new key is still refused");
            }
        }
        "create" => match RedbStore::create(&file) {
            Ok(_) => say("created"),
            Err(error) => say(error),
        },
        role => panic!("no role {role:?}"),
    }
}
