//! Locks that go on after a panic. What they hold here is valid after each single step, and a panic ends one call, not the
//! server.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A mutex that is locked although a holder panicked.
pub(crate) trait LockAlways<T> {
    /// Waits for the lock.
    fn lock_always(&self) -> MutexGuard<'_, T>;
}

impl<T> LockAlways<T> for Mutex<T> {
    fn lock_always(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same for a lock of many readers.
pub(crate) trait ReadWriteAlways<T> {
    /// Waits until nobody writes.
    fn read_always(&self) -> RwLockReadGuard<'_, T>;
    /// Waits until nobody reads or writes.
    fn write_always(&self) -> RwLockWriteGuard<'_, T>;
}

impl<T> ReadWriteAlways<T> for RwLock<T> {
    fn read_always(&self) -> RwLockReadGuard<'_, T> {
        self.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_always(&self) -> RwLockWriteGuard<'_, T> {
        self.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_usable_after_a_panic() {
        let (one, many) = (Mutex::new(1), RwLock::new(2));
        let panicked = std::thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = (one.lock_always(), many.write_always());
                panic!("on purpose");
            });
            holder.join().is_err()
        });
        assert!(panicked && one.is_poisoned() && many.is_poisoned());
        assert_eq!((*one.lock_always(), *many.read_always()), (1, 2));
    }
}
