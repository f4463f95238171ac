//! What differs between two texts, line by line.

/// Lines that are shown at most.
const LINES_MAX: usize = 60;
/// Equal lines around those that differ.
const CONTEXT: usize = 2;
/// Pairs of lines that are compared at most; larger texts are shown one after the other.
const PAIRS_MAX: usize = 4_000_000;

/// A line, and where it is: `-` in the first text, `+` in the second, a blank in both.
type Line<'a> = (char, &'a str);

/// The lines that differ, with their neighbours.
pub(super) fn between(file: &str, wanted: &str) -> String {
    let lines = compare(&lines(file), &lines(wanted));
    let is_near = |at: usize| {
        let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len());
        lines[around].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut shown: Vec<String> = Vec::new();
    let mut is_gap = false;
    for (at, (sign, line)) in lines.iter().enumerate() {
        if !is_near(at) {
            is_gap = !shown.is_empty();
            continue;
        }
        if std::mem::take(&mut is_gap) {
            shown.push("  …".to_owned());
        }
        shown.push(format!("{sign} {line}").trim_end().to_owned());
    }
    let more = shown.len().saturating_sub(LINES_MAX);
    shown.truncate(LINES_MAX);
    if more > 0 {
        shown.push(format!("… and {more} more lines"));
    }
    shown.join("\n")
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The shortest way from one text to the other, by their longest common subsequence.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        let old = old.iter().map(|line| ('-', *line));
        return old.chain(new.iter().map(|line| ('+', *line))).collect();
    }
    let common = common(old, new);
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

/// How many lines the rests of both texts have in common, by where the rests begin.
fn common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_are_shown_with_their_neighbours() {
        assert_eq!(
            between("a\nb\nc\nd\ne\nf\ng\nh\ni\nj", "a\nb\nc\nx\ny\ne\nf\ng\nh\ni"),
            "  b\n  c\n- d\n+ x\n+ y\n  e\n  f\n  …\n  h\n  i\n- j"
        );
        assert_eq!(between("", "a"), "+ a");
        assert_eq!(between("a\na", "a"), "  a\n- a");
        assert_eq!(between("a", "a"), "");
    }

    #[test]
    fn a_long_difference_is_cut() {
        let difference = between("", &"line\n".repeat(100));
        assert!(difference.ends_with("\n… and 40 more lines"), "{difference}");
        let (old, new) = ("old\n".repeat(3000), "new\n".repeat(3000));
        assert!(between(&old, &new).starts_with("- old\n"));
    }
}
