//! A mistake of Go before 1.27 that patterns can see: when it takes common
//! beginnings out of alternatives, it does not tell `A` from `(?i:A)`. So
//! `0A|0[aA]` becomes `0(?:A|A)` and does not match `0a`.
//!
//! Only what that changes is done here: the later of two such characters
//! becomes the earlier. Taking the beginnings out is the matcher's business.

use super::parse::{Literal, Node};

/// How deep beginnings are followed; longer ones than any real pattern has
/// are left as they are.
const MAX_PREFIX: usize = 200;

/// Neighbours that are one character each become a class in Go before
/// anything else, and a class is not confused with a character.
pub(super) fn merge_characters(sequences: &mut [Vec<Node>]) {
    let single = |sequence: &[Node]| matches!(sequence, [node] if node.one_char);
    let mut start = 0;
    while start < sequences.len() {
        let count = sequences[start..].iter().take_while(|s| single(s)).count();
        let run = &mut sequences[start..start + count];
        let first = run.first().and_then(|sequence| literal(sequence, 0));
        if run.iter().any(|sequence| literal(sequence, 0) != first) {
            run.iter_mut().flatten().for_each(|node| node.literal = None);
        }
        start += count.max(1);
    }
}

/// Walks alternatives that are equal up to `at`.
pub(super) fn confuse_cases(sequences: &mut [Vec<Node>], at: usize) {
    if sequences.len() < 2 || at > MAX_PREFIX {
        return;
    }
    // First round: neighbours that begin with the same characters become one.
    let mut items = Vec::new();
    let mut start = 0;
    while start < sequences.len() {
        let (end, length) = common_prefix(&sequences[start..], at);
        if end > 1 {
            confuse_cases(&mut sequences[start..start + end], at + length);
        }
        let first = first_piece(&sequences[start], at).filter(|_| end == 1 || length == 1);
        // Of a beginning that was taken out, its own length decides.
        let first = if end > 1 && length == 1 { literal(&sequences[start], at) } else { first };
        items.push((start, start + end, first));
        start += end;
    }
    // Second round: neighbours whose first piece is the same character.
    let mut index = 0;
    while let Some(&(from, mut to, first)) = items.get(index) {
        index += 1;
        let Some(first) = first else { continue };
        let mut joined = false;
        while let Some(&(next_from, next_to, Some(next))) = items.get(index)
            && next.rune == first.rune
        {
            if next.fold_case != first.fold_case {
                for sequence in &mut sequences[next_from..next_to] {
                    sequence[at] = Node::of(first);
                }
            }
            (to, joined) = (next_to, true);
            index += 1;
        }
        if joined {
            confuse_cases(&mut sequences[from..to], at + 1);
        }
    }
}

fn literal(sequence: &[Node], at: usize) -> Option<Literal> {
    sequence.get(at).and_then(|node| node.literal)
}

/// How many neighbours share characters from `at` on, and how many those are.
fn common_prefix(sequences: &[Vec<Node>], at: usize) -> (usize, usize) {
    let run = |sequence: &Vec<Node>| {
        let fold_case = literal(sequence, at).map(|l| l.fold_case);
        let same = |l: &Literal| Some(l.fold_case) == fold_case;
        (at..).map_while(|i| literal(sequence, i)).take_while(same).collect::<Vec<_>>()
    };
    let mut common = sequences.first().map(run).unwrap_or_default();
    let mut count = 1;
    for sequence in sequences.iter().skip(1) {
        let shared = run(sequence).iter().zip(&common).take_while(|(a, b)| a == b).count();
        if shared == 0 {
            break;
        }
        common.truncate(shared);
        count += 1;
    }
    (count, common.len())
}

/// The first piece if Go's tree has a single character there: characters of
/// the same kind in a row are one longer piece.
fn first_piece(sequence: &[Node], at: usize) -> Option<Literal> {
    let first = literal(sequence, at)?;
    match literal(sequence, at + 1) {
        Some(next) if next.fold_case == first.fold_case => None,
        _ => Some(first),
    }
}
