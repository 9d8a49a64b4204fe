//! Sightings of many domains, and folders that are gone when a test is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use xmpp_tls::ledger::{Key, Leaf, Sighting, Voucher};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::{Side, StreamKind};

const DAY: i64 = 86_400;
const SEEN: i64 = 20_000 * DAY;

pub fn seen_at() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(SEEN.unsigned_abs()))
}

pub fn key(number: u32) -> Key {
    let remote = format!("domain{number:06}.example.org").parse().unwrap();
    Key::new(StreamKind::ClientToServer, Side::Initiating, None, remote)
}

/// A certificate of a domain; another one for each letter.
pub fn leaf(number: u32, letter: u8) -> Leaf {
    let mut leaf = Leaf::default();
    leaf.sha256 = hash(number, letter);
    leaf.spki_sha256 = hash(number, letter ^ 0x80);
    leaf.issuer = "CN=R11, O=Example CA, C=EU".to_owned();
    leaf.issuer_organization = Some("Example CA".to_owned());
    leaf.issuer_key = Some("c5cf46a4eaf4c3c07a6c95c42db05e922f26e3b9".to_owned());
    leaf.names = vec![format!("dns:domain{number:06}.example.org")];
    (leaf.not_before, leaf.not_after) = (SEEN - 10 * DAY, SEEN + 80 * DAY);
    leaf.key_type = "ECDSA P-256".to_owned();
    leaf.key_bits = 256;
    leaf
}

pub fn sighting(number: u32, letter: u8) -> Sighting {
    Sighting::from_parts(key(number), true, Some(leaf(number, letter)), Voucher::Anchors).unwrap()
}

/// Octets as they would be of a hash: a file of these cannot be compressed or guessed.
fn hash(number: u32, letter: u8) -> [u8; 32] {
    let mut state = u64::from(number) << 8 | u64::from(letter);
    let mut hash = [0; 32];
    for chunk in hash.chunks_mut(8) {
        state = next_random(state);
        chunk.copy_from_slice(&state.to_be_bytes());
    }
    hash
}

/// The next of a fixed row of numbers that look random (splitmix64).
pub fn next_random(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A folder of its own for each test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "xmpp-tls-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("certificates.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
