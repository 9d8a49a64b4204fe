use crate::error::{IdError, WeakSecret};
use crate::keys::key::{DialbackKey, PresentedKey, check_id, hex};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use subtle::Choice;
use xmpp_tls_core::Domain;
use zeroize::Zeroizing;

/// The secret that dialback keys are made with (XEP-0185 section 2): of one server, or of a cluster
/// whose nodes answer for each other.
///
/// What is kept is the state of HMAC-SHA256 after its key, which is the lowercase hexadecimal *text*
/// of SHA-256(secret): a dialback key then costs as many compressions as its own message, two for
/// most, and no allocation. It shows itself to nobody and compares with nothing.
///
/// ```
/// use xmpp_dialback::DialbackSecret;
///
/// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
/// let key = secret.key(&"montague.example".parse()?, &"capulet.example".parse()?, "D60000229F")?;
/// assert_eq!(key.as_str().len(), 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail,E0369
/// use xmpp_dialback::DialbackSecret;
///
/// fn same(one: DialbackSecret, other: DialbackSecret) -> bool {
///     one == other
/// }
/// ```
#[derive(Clone)]
pub struct DialbackSecret {
    keyed: Hmac<Sha256>,
}

impl DialbackSecret {
    /// The shortest secret in octets.
    pub const MIN_OCTETS: usize = 32;

    /// A new secret from a cryptographically secure generator, which `fill` is: good for a server that
    /// answers for its own keys only.
    ///
    /// ```
    /// use xmpp_dialback::DialbackSecret;
    ///
    /// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
    /// ```
    pub fn generate(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut octets = Zeroizing::new([0; 32]);
        fill(&mut octets);
        Self::keyed_with(&*octets)
    }

    /// The secret that an operator configured, the same one on every node of a cluster.
    ///
    /// # Errors
    ///
    /// [`WeakSecret`] if it is shorter than [`MIN_OCTETS`](Self::MIN_OCTETS). That it is also random is
    /// the caller's word.
    ///
    /// ```
    /// use xmpp_dialback::DialbackSecret;
    ///
    /// assert!(DialbackSecret::new(b"s3cr3tf0rd14lb4ck").is_err());
    /// assert!(DialbackSecret::new(&[0xA5; 32]).is_ok());
    /// ```
    pub fn new(secret: &[u8]) -> Result<Self, WeakSecret> {
        match secret.len() {
            octets if octets < Self::MIN_OCTETS => Err(WeakSecret { octets }),
            _ => Ok(Self::keyed_with(secret)),
        }
    }

    /// A secret of any length: for a cluster with software that was given a short one, and for the
    /// examples of XEP-0185. Whoever guesses it can speak for every domain of this server.
    ///
    /// ```
    /// use xmpp_dialback::DialbackSecret;
    ///
    /// let secret = DialbackSecret::dangerous_of_any_length(b"s3cr3tf0rd14lb4ck");
    /// let key = secret.key(&"xmpp.example.com".parse()?, &"example.org".parse()?, "D60000229F")?;
    /// assert_eq!(key.as_str(), "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dangerous_of_any_length(secret: &[u8]) -> Self {
        Self::keyed_with(secret)
    }

    fn keyed_with(secret: &[u8]) -> Self {
        let key = Zeroizing::new(hex(&Sha256::digest(secret).into()));
        DialbackSecret {
            keyed: Hmac::new(&(*key).into()),
        }
    }

    /// The key that proves to `receiving` that `originating` opened the stream that `receiving` gave
    /// this `id`.
    ///
    /// # Errors
    ///
    /// [`IdError`](crate::IdError) if the `id` is empty, or has white space or control characters: with
    /// them in it the three fields could not be told apart (CVE-2016-0756).
    ///
    /// ```
    /// use xmpp_dialback::DialbackSecret;
    ///
    /// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
    /// let (receiving, originating) = ("b.example".parse()?, "a.example".parse()?);
    /// assert!(secret.key(&receiving, &originating, "id").is_ok());
    /// assert!(secret.key(&receiving, &originating, "").is_err());
    /// assert!(secret.key(&receiving, &originating, "i d").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(&self, receiving: &Domain, originating: &Domain, id: &str) -> Result<DialbackKey, IdError> {
        check_id(id)?;
        Ok(self.key_of_checked(receiving, originating, id))
    }

    fn key_of_checked(&self, receiving: &Domain, originating: &Domain, id: &str) -> DialbackKey {
        let mut mac = self.keyed.clone();
        // One piece is a good deal quicker to feed than five, and nearly every message is this short. No
        // domain has a space in it, and no id that was checked.
        let fields = [receiving.as_str(), originating.as_str(), id];
        let mut message = [b' '; 128];
        let mut end = 0;
        for field in fields.map(str::as_bytes) {
            if let Some(free) = message.get_mut(end..end + field.len()) {
                free.copy_from_slice(field);
            }
            end += field.len() + 1;
        }
        match message.get(..end - 1) {
            Some(message) => mac.update(message),
            None => [fields[0], " ", fields[1], " ", fields[2]]
                .iter()
                .for_each(|part| mac.update(part.as_bytes())),
        }
        DialbackKey::from_hex(hex(&mac.finalize().into_bytes().into()))
    }
}

/// That there is one, and nothing of it.
impl fmt::Debug for DialbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DialbackSecret")
    }
}

/// The secret in use and earlier ones that are still honoured, so that it can be changed while
/// verifications are under way and before every node of a cluster knows the new one.
///
/// Cloning it copies nothing.
///
/// ```
/// use xmpp_dialback::{DialbackSecret, DialbackSecrets, PresentedKey};
///
/// let old = DialbackSecret::new(&[1; 32])?;
/// let new = DialbackSecret::new(&[2; 32])?;
/// let (b, a) = ("b.example".parse()?, "a.example".parse()?);
/// let by_the_old = PresentedKey::from(old.key(&b, &a, "id")?);
///
/// let secrets = DialbackSecrets::from(old).changed_to(new);
/// assert!(secrets.verify(&b, &a, "id", &by_the_old));
/// assert!(!secrets.verify(&a, &b, "id", &by_the_old));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DialbackSecrets {
    /// The first one makes keys, all of them verify.
    secrets: Arc<[DialbackSecret]>,
}

impl From<DialbackSecret> for DialbackSecrets {
    fn from(secret: DialbackSecret) -> Self {
        DialbackSecrets {
            secrets: Arc::new([secret]),
        }
    }
}

impl DialbackSecrets {
    /// How many secrets verify at most: each costs every verification as much again.
    pub const MAX: usize = 8;

    /// Makes keys with a new secret from now on. Beyond [`MAX`](Self::MAX) the earliest is forgotten.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[1; 32])?);
    /// let secrets = secrets.changed_to(DialbackSecret::new(&[2; 32])?);
    /// # Ok::<(), WeakSecret>(())
    /// ```
    pub fn changed_to(self, new: DialbackSecret) -> Self {
        let kept = self.secrets.iter().take(Self::MAX - 1).cloned();
        DialbackSecrets {
            secrets: [new].into_iter().chain(kept).collect(),
        }
    }

    /// A key by the secret in use.
    ///
    /// # Errors
    ///
    /// As [`DialbackSecret::key`].
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[2; 32])?);
    /// assert!(secrets.key(&"b.example".parse()?, &"a.example".parse()?, "id").is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(&self, receiving: &Domain, originating: &Domain, id: &str) -> Result<DialbackKey, IdError> {
        check_id(id)?;
        match self.secrets.first() {
            Some(secret) => Ok(secret.key_of_checked(receiving, originating, id)),
            // There is always one: this type has no other way to be made.
            None => Err(IdError::Empty),
        }
    }

    /// Whether one of the secrets made this key, in a time that depends on none of them. An `id` that
    /// no key is made for has none.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let secrets = DialbackSecrets::from(DialbackSecret::new(&[2; 32])?);
    /// let (b, a) = ("b.example".parse()?, "a.example".parse()?);
    /// assert!(secrets.verify(&b, &a, "id", &secrets.key(&b, &a, "id")?.into()));
    /// assert!(!secrets.verify(&b, &a, "id", &PresentedKey::new("00")?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, receiving: &Domain, originating: &Domain, id: &str, presented: &PresentedKey) -> bool {
        if check_id(id).is_err() {
            return false;
        }
        let mut found = Choice::from(0);
        for secret in self.secrets.iter() {
            found |= secret.key_of_checked(receiving, originating, id).equals(presented);
        }
        found.into()
    }
}
