//! Cuts a log into messages of whole lines.
//!
//! Owns the kubelet's timestamps: they are read from each line, kept as the
//! place where a broken stream goes on, and taken off unless they are wanted.
//! A line that is longer than a message is sent in pieces.

use std::collections::VecDeque;

use super::filter::Filter;
use crate::protocol::logs::Place;

/// Longest timestamp, `2026-11-23T09:00:00.000000000+00:00`.
const STAMP_MAX: usize = 40;

/// Lines that are ready to be sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Whole lines, except for the end of a partial one.
    pub(super) bytes: Vec<u8>,
    /// Timestamp of the first line.
    pub(super) first: String,
    /// Timestamp of the last line.
    pub(super) last: String,
    /// How many lines with that timestamp were sent, these included.
    pub(super) last_lines: u64,
    /// Whether the last line goes on in the next chunk.
    pub(super) partial: bool,
}

/// Cuts one log.
#[derive(Debug)]
pub(super) struct Chunker {
    /// Most bytes of a chunk.
    max: usize,
    /// Whether timestamps stay before the lines.
    stamps: bool,
    /// The line that is not whole yet.
    line: Vec<u8>,
    /// Whether the beginning of that line was sent already.
    continued: bool,
    /// Whether that line was sent before the stream broke, or is not wanted.
    skipping: bool,
    /// Lines that are whole.
    open: Chunk,
    ready: VecDeque<Chunk>,
    place: Place,
    /// Lines up to here were sent before; how many of its lines are still to
    /// be passed over.
    skip: Option<Place>,
    /// The place that was to go on behind.
    began: Option<Place>,
    /// Where the log goes on without the line that it was to go on behind.
    gap: Option<Place>,
    filter: Filter,
}

impl Chunker {
    #[cfg(test)]
    fn new(max: usize, stamps: bool, skip: Option<Place>) -> Self {
        Self::filtered(max, stamps, skip, Filter::default())
    }

    /// A cutter that goes on behind `skip`, with the lines that `filter` wants.
    /// A line that is longer than a chunk is judged by its beginning.
    pub(super) fn filtered(max: usize, stamps: bool, skip: Option<Place>, filter: Filter) -> Self {
        Chunker {
            max: max.max(1),
            stamps,
            line: Vec::new(),
            continued: false,
            skipping: false,
            open: Chunk::default(),
            ready: VecDeque::new(),
            place: skip.clone().unwrap_or_default(),
            began: skip.clone(),
            skip,
            gap: None,
            filter,
        }
    }

    /// Adds what was read.
    pub(super) fn feed(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let end = data.iter().position(|byte| *byte == b'\n');
            let room = self.max.saturating_add(STAMP_MAX).saturating_sub(self.line.len());
            let whole = end.is_some_and(|end| end < room);
            let take = if whole { end.unwrap_or(0) + 1 } else { room.min(data.len()) };
            self.line.extend_from_slice(&data[..take]);
            data = &data[take..];
            if whole {
                self.close_line(false);
            } else if self.line.len() >= self.max.saturating_add(STAMP_MAX) {
                self.close_line(true);
            }
        }
    }

    /// The next full chunk.
    pub(super) fn next(&mut self) -> Option<Chunk> {
        self.ready.pop_front()
    }

    /// Whether whole lines wait for more.
    pub(super) fn waits(&self) -> bool {
        !self.open.bytes.is_empty()
    }

    /// The line behind which lines may be missing, told once. It is told before
    /// the chunks that follow it.
    pub(super) fn gap(&mut self) -> Option<Place> {
        self.gap.take()
    }

    /// Makes what waits ready, a last line without an end included.
    pub(super) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.close_line(false);
        }
        self.passed();
        self.flush();
    }

    /// Makes the whole lines that wait ready.
    pub(super) fn flush(&mut self) {
        if !self.open.bytes.is_empty() {
            self.ready.push_back(std::mem::take(&mut self.open));
        }
    }

    /// Where the log stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Puts the line to the others; `partial` when more of it follows.
    fn close_line(&mut self, partial: bool) {
        let line = std::mem::take(&mut self.line);
        let (stamp, text) = if self.continued { ("", line.as_slice()) } else { split_stamp(&line) };
        if !self.continued {
            self.skipping = self.was_sent(stamp);
            if !self.skipping {
                self.move_to(stamp);
                self.skipping = !self.filter.wants(text);
            }
        }
        self.continued = partial;
        if self.skipping {
            return;
        }
        let shown = if self.stamps { line.as_slice() } else { text };
        if !self.open.bytes.is_empty() && self.open.bytes.len() + shown.len() > self.max {
            self.flush();
        }
        if self.open.bytes.is_empty() {
            self.open.first = self.place.stamp.clone();
        }
        self.open.bytes.extend_from_slice(shown);
        self.open.last.clone_from(&self.place.stamp);
        self.open.last_lines = self.place.lines;
        self.open.partial = partial;
        if partial || self.open.bytes.len() >= self.max {
            self.flush();
        }
    }

    /// Whether a line of this time was sent before the stream broke. The API
    /// server's `sinceTime` knows whole seconds only, so lines come again.
    fn was_sent(&mut self, stamp: &str) -> bool {
        let Some(skip) = &mut self.skip else { return false };
        if stamp.is_empty() || stamp < skip.stamp.as_str() {
            return true;
        }
        if stamp == skip.stamp && skip.lines > 0 {
            skip.lines -= 1;
            return true;
        }
        self.passed();
        false
    }

    /// The place to go on behind is passed. The API server is asked for lines
    /// from its second on, so its own lines must have come.
    fn passed(&mut self) {
        let missed = self.skip.take().filter(|skip| skip.lines > 0 && !skip.stamp.is_empty() && !skip.done);
        if missed.is_some() {
            self.gap.clone_from(&self.began);
        }
    }

    fn move_to(&mut self, stamp: &str) {
        if stamp.is_empty() || stamp == self.place.stamp {
            self.place.lines += 1;
        } else {
            self.place = Place { stamp: stamp.to_owned(), lines: 1, done: false };
        }
    }
}

/// The kubelet's timestamp before a line, and the line without it.
fn split_stamp(line: &[u8]) -> (&str, &[u8]) {
    let space = line.iter().take(STAMP_MAX + 1).position(|byte| *byte == b' ');
    let stamp = space.and_then(|at| std::str::from_utf8(&line[..at]).ok());
    match (stamp, space) {
        (Some(stamp), Some(at)) if stamp.len() >= 20 && stamp.as_bytes()[10] == b'T' => (stamp, &line[at + 1..]),
        _ => ("", line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "2026-11-23T09:00:00.000000001Z";
    const B: &str = "2026-11-23T09:00:00.000000002Z";

    fn all(chunker: &mut Chunker) -> Vec<(String, bool)> {
        chunker.finish();
        std::iter::from_fn(|| chunker.next())
            .map(|chunk| (String::from_utf8_lossy(&chunk.bytes).into_owned(), chunk.partial))
            .collect()
    }

    #[test]
    fn lines_lose_their_stamps_and_stay_whole() {
        let text = format!("{A} one\n{B} two\n{B} \n{B} end");
        for size in 1..text.len() {
            let mut chunker = Chunker::new(100, false, None);
            text.as_bytes().chunks(size).for_each(|piece| chunker.feed(piece));
            assert_eq!(all(&mut chunker), [("one\ntwo\n\nend".to_owned(), false)], "pieces of {size}");
            assert_eq!(chunker.place(), &Place { stamp: B.into(), lines: 3, done: false });
        }
        let mut chunker = Chunker::new(1000, true, None);
        chunker.feed(text.as_bytes());
        assert_eq!(all(&mut chunker), [(text, false)]);
    }

    #[test]
    fn chunks_keep_to_their_size_and_long_lines_are_cut() {
        let mut chunker = Chunker::new(8, false, None);
        chunker.feed(format!("{A} one\n{A} two\n{A} three\n").as_bytes());
        let chunks = all(&mut chunker);
        assert_eq!(chunks, [("one\ntwo\n".to_owned(), false), ("three\n".to_owned(), false)]);
        let mut chunker = Chunker::new(8, false, None);
        chunker.feed(format!("{A} {}\n{B} x\n", "y".repeat(100)).as_bytes());
        let chunks = all(&mut chunker);
        let text: String = chunks.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(text, format!("{}\nx\n", "y".repeat(100)));
        assert!(chunks[0].1 && !chunks.last().unwrap().1);
        assert!(chunks.iter().all(|(text, _)| text.len() <= 8 + STAMP_MAX), "{chunks:?}");
    }

    #[test]
    fn a_stream_goes_on_behind_the_last_line() {
        let text = format!("{A} one\n{B} two\n{B} three\n");
        let mut first = Chunker::new(100, false, None);
        first.feed(format!("{A} one\n{B} two\n").as_bytes());
        assert_eq!(all(&mut first), [("one\ntwo\n".to_owned(), false)]);
        let mut second = Chunker::new(100, false, Some(first.place().clone()));
        second.feed(text.as_bytes());
        assert_eq!(all(&mut second), [("three\n".to_owned(), false)]);
        assert_eq!(second.place(), &Place { stamp: B.into(), lines: 2, done: false });
    }

    #[test]
    fn a_line_that_is_gone_is_a_gap() {
        let at = |stamp: &str, lines| Some(Place { stamp: stamp.into(), lines, done: false });
        let gap = |skip: Option<Place>, text: &str| {
            let mut chunker = Chunker::new(100, false, skip);
            chunker.feed(text.as_bytes());
            let lines: String = all(&mut chunker).into_iter().map(|(text, _)| text).collect();
            (lines, chunker.gap())
        };
        let both = format!("{A} one\n{B} two\n");
        assert_eq!(gap(at(A, 1), &both), ("two\n".into(), None));
        assert_eq!(gap(at(B, 1), &both), (String::new(), None));
        // One of two lines of the time, or none, or nothing at all.
        assert_eq!(gap(at(A, 2), &both), ("two\n".into(), at(A, 2)));
        assert_eq!(gap(at(A, 1), &format!("{B} two\n")), ("two\n".into(), at(A, 1)));
        assert_eq!(gap(at(A, 1), ""), (String::new(), at(A, 1)));
        // What had ended was read whole: another run has other lines.
        let done = Place { stamp: A.into(), lines: 1, done: true };
        assert_eq!(gap(Some(done), &format!("{B} two\n")), ("two\n".into(), None));
        // Who does not say how many lines were read cannot be told.
        assert_eq!(gap(at(A, 0), &format!("{B} two\n")), ("two\n".into(), None));
        assert_eq!(gap(None, &both).1, None);
    }

    #[test]
    fn bytes_that_are_no_text_pass_through() {
        let mut chunker = Chunker::new(100, false, None);
        chunker.feed(b"\xff\xfe \x00\n\nnot a stamp\n");
        chunker.finish();
        assert_eq!(chunker.next().unwrap().bytes, b"\xff\xfe \x00\n\nnot a stamp\n");
    }
}
