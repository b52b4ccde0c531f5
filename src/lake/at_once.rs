//! Parts of one work on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

/// What `one` makes of each number below `count`, in their order; up to
/// `threads` are made at once, this thread's among them.
pub(super) fn at_once<T: Send>(
    threads: usize,
    count: usize,
    one: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let some = || {
        let taken = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
        std::iter::from_fn(taken)
            .map(|number| (number, one(number)))
            .collect::<Vec<_>>()
    };
    let mut made = std::thread::scope(|scope| {
        let more = threads.min(count).saturating_sub(1);
        // A system that has no thread to give leaves more to this one.
        let others = (0..more).map(|_| Builder::new().spawn_scoped(scope, some));
        let others: Vec<_> = others.flatten().collect();
        let mut made = some();
        for other in others {
            match other.join() {
                Ok(some) => made.extend(some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_made_once_and_stands_in_its_place() {
        for (threads, count) in [(1, 5), (4, 0), (4, 3), (3, 1000), (0, 2)] {
            let made = at_once(threads, count, |number| number * 2);
            assert_eq!(made, (0..count).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
