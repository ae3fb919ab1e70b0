//! The smallest part of a list that still fails, by delta debugging.

/// Removes as much of `items` as possible, so that `fails` is true of the rest: no item of it can be left out.
///
/// `fails` must be true of all items and false of none.
///
/// # Errors
/// Those of `fails`.
pub fn smallest<T: Clone, E>(
    mut items: Vec<T>,
    fails: &mut impl FnMut(&[T]) -> Result<bool, E>,
) -> Result<Vec<T>, E> {
    let mut parts = 2;
    while items.len() > 1 {
        let size = items.len().div_ceil(parts);
        let mut found = None;
        // One part alone; or, when that does not help, all but one.
        for start in (0..items.len()).step_by(size) {
            let end = (start + size).min(items.len());
            if fails(&items[start..end])? {
                found = Some((items[start..end].to_vec(), 2));
                break;
            }
        }
        if found.is_none() && parts > 2 {
            for start in (0..items.len()).step_by(size) {
                let mut rest = items.clone();
                rest.drain(start..(start + size).min(items.len()));
                if fails(&rest)? {
                    found = Some((rest, parts - 1));
                    break;
                }
            }
        }
        match found {
            Some((rest, next)) => (items, parts) = (rest, next.max(2)),
            None if size == 1 => break,
            None => parts = (2 * parts).min(items.len()),
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(all: u32, guilty: &[u32]) -> (Vec<u32>, usize) {
        let mut runs = 0;
        let result: Result<_, ()> = smallest((0..all).collect(), &mut |items| {
            runs += 1;
            Ok(guilty.iter().all(|one| items.contains(one)))
        });
        (result.expect("it does not fail"), runs)
    }

    #[test]
    fn one_of_many() {
        for guilty in [0, 1, 499, 998, 999] {
            let (items, runs) = found(1000, &[guilty]);
            assert_eq!(items, [guilty]);
            assert!(runs <= 20, "{runs}");
        }
    }

    #[test]
    fn several_together() {
        let (items, runs) = found(200, &[3, 77, 150]);
        assert_eq!(items, [3, 77, 150]);
        assert!(runs < 200, "{runs}");
    }

    #[test]
    fn all_of_them() {
        assert_eq!(found(3, &[0, 1, 2]).0, [0, 1, 2]);
        assert_eq!(found(1, &[0]), (vec![0], 0));
    }
}
