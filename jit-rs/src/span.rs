//! Which part of machine code belongs to which instruction of Python, for people who read it.

use cranelift_codegen::{Final, MachSrcLoc};

/// The machine code from some byte on, up to that of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The byte.
    pub start: u32,
    /// The instruction, by the offset of its opcode, if it belongs to one. There is much machine code, and code objects that are
    /// compiled are small enough.
    pub offset: Option<u16>,
}

/// What Cranelift tells, with one span for what is next to each other. What has no instruction, as moves between registers,
/// goes with what comes before it; the last span is that of the data behind the code.
pub fn spans(places: &[MachSrcLoc<Final>]) -> Box<[Span]> {
    let mut spans: Vec<Span> = Vec::new();
    for place in places {
        let offset = u16::try_from(place.loc.bits()).ok();
        let is_known = offset.is_some() && place.start < place.end;
        if is_known && spans.last().is_none_or(|last| last.offset != offset) {
            let start = place.start;
            spans.push(Span { start, offset });
        }
    }
    if let Some(place) = places.last() {
        let start = place.end;
        spans.push(Span {
            start,
            offset: None,
        });
    }
    spans.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::SourceLoc;

    fn place(start: u32, end: u32, loc: SourceLoc) -> MachSrcLoc<Final> {
        MachSrcLoc { start, end, loc }
    }

    #[test]
    fn neighbors_are_one() {
        let [three, five] = [3, 5].map(SourceLoc::new);
        let places = [
            place(4, 8, three),
            place(8, 12, three),
            place(12, 12, five),
            place(12, 13, SourceLoc::default()),
            place(20, 21, five),
            place(30, 40, three),
        ];
        let found: Vec<_> = spans(&places)
            .iter()
            .map(|span| (span.start, span.offset))
            .collect();
        assert_eq!(
            found,
            [(4, Some(3)), (20, Some(5)), (30, Some(3)), (40, None)]
        );
        assert!(spans(&[]).is_empty());
    }
}
