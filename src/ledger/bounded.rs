//! Texts and lists that are refused while they are read, and not when they are in memory.

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// A text of at most so many octets.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Text<const N: usize>(pub(super) String);

impl<'de, const N: usize> Deserialize<'de> for Text<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded<const N: usize>;
        impl<const N: usize> Visitor<'_> for Bounded<N> {
            type Value = Text<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a text of at most {N} octets")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<N>, E> {
                match text.len() <= N {
                    true => Ok(Text(text.to_owned())),
                    false => Err(E::invalid_length(text.len(), &self)),
                }
            }
        }
        deserializer.deserialize_str(Bounded::<N>)
    }
}

/// A list of at most so many entries. It grows as they come, whatever length is announced.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct List<T, const N: usize>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for List<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Bounded<T, N> {
            type Value = List<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N} entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<List<T, N>, A::Error> {
                let mut list = Vec::new();
                while let Some(entry) = entries.next_element::<T>()? {
                    if list.len() >= N {
                        return Err(A::Error::invalid_length(list.len() + 1, &self));
                    }
                    list.push(entry);
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_seq(Bounded::<T, N>(PhantomData))
    }
}
