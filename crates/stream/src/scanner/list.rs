//! A list whose first entries are kept in place.

/// A list of `N` entries without an allocation; when there are more, all of them move to a [`Vec`].
#[derive(Debug)]
pub(crate) struct List<T, const N: usize> {
    first: [T; N],
    /// How many of `first` count; `N` once there were more.
    len: usize,
    more: Vec<T>,
}

impl<T: Default, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        List {
            first: std::array::from_fn(|_| T::default()),
            len: 0,
            more: Vec::new(),
        }
    }
}

impl<T: Default, const N: usize> List<T, N> {
    #[inline(always)]
    pub(crate) fn push(&mut self, entry: T) {
        match self.first.get_mut(self.len) {
            Some(free) => {
                *free = entry;
                self.len += 1;
            }
            None => self.push_more(entry),
        }
    }

    #[cold]
    fn push_more(&mut self, entry: T) {
        if self.more.is_empty() {
            self.more.extend(self.first.iter_mut().map(std::mem::take));
        }
        self.more.push(entry);
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.more.clear();
    }

    /// The room that was allocated.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.more.capacity()
    }

    /// Gives back room that is not used, down to this.
    pub(crate) fn shrink_to(&mut self, capacity: usize) {
        self.more.shrink_to(capacity);
    }
}

impl<T, const N: usize> std::ops::Deref for List<T, N> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        if self.more.is_empty() {
            self.first.get(..self.len).unwrap_or_default()
        } else {
            &self.more
        }
    }
}

impl<T, const N: usize> std::ops::DerefMut for List<T, N> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        if self.more.is_empty() {
            self.first.get_mut(..self.len).unwrap_or_default()
        } else {
            &mut self.more
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_list_in_place_and_beyond() {
        let mut list = List::<usize, 4>::default();
        for length in [0, 1, 3, 4, 5, 9, 4, 2, 20] {
            list.clear();
            let expected: Vec<usize> = (0..length).collect();
            expected.iter().for_each(|&entry| list.push(entry));
            assert_eq!(list[..], expected[..]);
            assert_eq!(list.last_mut().copied(), expected.last().copied());
        }
        list.clear();
        list.shrink_to(0);
        assert_eq!((list.len(), list.capacity()), (0, 0));
    }
}
