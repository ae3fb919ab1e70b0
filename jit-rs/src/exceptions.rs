//! The exception table of a code object: which handler gets what an instruction raises.

/// A handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handler {
    /// Where it begins, in code units.
    pub offset: u32,
    /// How much of the value stack is left to it, below the exception.
    pub depth: u32,
    /// Whether it also gets where the exception was raised.
    pub lasti: bool,
}

/// Code units that a handler covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Covered {
    start: u32,
    end: u32,
    handler: Handler,
}

/// An exception table. Entries are in order and do not overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Covered>);

impl Table {
    /// Whether it has no handlers.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the bytes of `co_exceptiontable`, as `get_exception_handler()` does. What comes after a mistake is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut rest = bytes.iter().copied();
        let mut number = || {
            let mut byte = rest.next()?;
            let mut number = u32::from(byte & 63);
            while byte & 64 != 0 {
                byte = rest.next()?;
                number = number.checked_mul(64)? | u32::from(byte & 63);
            }
            Some(number)
        };
        let mut entry = || {
            let start = number()?;
            let size = number()?;
            let offset = number()?;
            let depth_and_lasti = number()?;
            Some(Covered {
                start,
                end: start.checked_add(size)?,
                handler: Handler {
                    offset,
                    depth: depth_and_lasti >> 1,
                    lasti: depth_and_lasti & 1 != 0,
                },
            })
        };
        Self(std::iter::from_fn(&mut entry).collect())
    }

    /// The handler of what the instruction whose opcode is at an offset raises.
    pub fn handler(&self, offset: u32) -> Option<Handler> {
        let index = self.0.partition_point(|covered| covered.end <= offset);
        let covered = self.0.get(index)?;
        (covered.start <= offset).then_some(covered.handler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read() {
        // 3 to 9 go to 100 at depth 1; 12 to 14 to 200 at depth 2, with the place.
        let table = Table::parse(&[0x83, 6, 0x41, 36, 2, 0x8c, 2, 0x43, 8, 5]);
        let first = Handler {
            offset: 100,
            depth: 1,
            lasti: false,
        };
        let second = Handler {
            offset: 200,
            depth: 2,
            lasti: true,
        };
        assert_eq!(table.handler(2), None);
        assert_eq!(table.handler(3), Some(first));
        assert_eq!(table.handler(8), Some(first));
        assert_eq!(table.handler(9), None);
        assert_eq!(table.handler(13), Some(second));
        assert_eq!(table.handler(14), None);
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        assert_eq!(Table::parse(&[]), Table::default());
        assert_eq!(Table::parse(&[0x83, 6, 0x41]), Table::default());
        assert_eq!(Table::parse(&[0xff; 9]), Table::default());
    }
}
