//! Editing a `.env` file so that every byte that is not asked about stays as it is.

use crate::config::dotenv::EnvFile;

/// A variable to write: its name and its value as it stands in the file.
pub(super) type Line = (&'static str, String);

/// What became of the variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Edit {
    /// The file's content.
    pub(super) text: String,
    /// Names that had a value and keep it.
    pub(super) kept: Vec<&'static str>,
    /// Names that were written.
    pub(super) written: Vec<&'static str>,
}

/// Puts the blocks of variables in: a variable with a value keeps it, one without gets it where it
/// stands, and the rest are appended, blocks with an empty line between them.
pub(super) fn edit(text: &str, blocks: &[Vec<Line>]) -> Edit {
    let mut edit = Edit::default();
    let mut fillings = Vec::new();
    let mut missing = Vec::new();
    let file = EnvFile::parse(text, |_| None);
    for block in blocks {
        let mut lines = Vec::new();
        for (name, value) in block {
            match file.entry(name) {
                Some(entry) if !entry.value.trim().is_empty() => edit.kept.push(*name),
                Some(entry) => {
                    fillings.push((entry.span.clone(), value));
                    edit.written.push(name);
                }
                None => {
                    lines.push(format!("{name}={value}"));
                    edit.written.push(name);
                }
            }
        }
        missing.extend(Some(lines).filter(|lines| !lines.is_empty()));
    }
    text.clone_into(&mut edit.text);
    // From the last to the first: what was filled in must not move what is still to be filled.
    fillings.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    fillings.into_iter().for_each(|(span, value)| edit.text.replace_range(span, value));
    append(&mut edit.text, &missing);
    edit
}

/// Appends blocks in the file's own line endings.
fn append(text: &mut String, blocks: &[Vec<String>]) {
    if blocks.is_empty() {
        return;
    }
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if !text.is_empty() {
        if !text.ends_with('\n') {
            text.push_str(ending);
        }
        text.push_str(ending);
    }
    let blocks: Vec<_> = blocks.iter().map(|lines| lines.join(ending) + ending).collect();
    text.push_str(&blocks.join(ending));
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check(text: &str, expect: Expect) {
        let blocks = [
            vec![("A", "1".to_owned()), ("B", "2".to_owned())],
            vec![("C", "\"${A}\"".to_owned())],
        ];
        let edit = edit(text, &blocks);
        let text = edit.text.replace('\r', "␍");
        expect.assert_eq(&format!("{text}kept {:?} written {:?}\n", edit.kept, edit.written));
    }

    #[test]
    fn an_empty_file_gets_the_blocks() {
        check(
            "",
            expect![[r#"
            A=1
            B=2

            C="${A}"
            kept [] written ["A", "B", "C"]
        "#]],
        );
    }

    #[test]
    fn blocks_are_appended_after_an_empty_line() {
        check(
            "# mine\nX = 'y'  \n",
            expect![[r##"
            # mine
            X = 'y'  

            A=1
            B=2

            C="${A}"
            kept [] written ["A", "B", "C"]
        "##]],
        );
    }

    #[test]
    fn a_missing_end_of_line_is_put_in() {
        check(
            "X=1",
            expect![[r#"
            X=1

            A=1
            B=2

            C="${A}"
            kept [] written ["A", "B", "C"]
        "#]],
        );
    }

    #[test]
    fn appended_lines_end_as_the_lines_of_the_file_do() {
        check(
            "X=1\r\nY=2",
            expect![[r#"
            X=1␍
            Y=2␍
            ␍
            A=1␍
            B=2␍
            ␍
            C="${A}"␍
            kept [] written ["A", "B", "C"]
        "#]],
        );
    }

    #[test]
    fn values_that_are_there_stay() {
        check(
            "A=mine # yes\nX=1\nC=\n",
            expect![[r#"
            A=mine # yes
            X=1
            C="${A}"

            B=2
            kept ["A"] written ["B", "C"]
        "#]],
        );
        check(
            "A=x\nB=y\nC=z",
            expect![[r#"
            A=x
            B=y
            C=zkept ["A", "B", "C"] written []
        "#]],
        );
    }

    #[test]
    fn empty_values_are_filled_where_they_stand() {
        check(
            "export A=  # to do\r\nB=\"\"\r\nX=\r\nC=''\r\n",
            expect![[r#"
                export A=1  # to do␍
                B=2␍
                X=␍
                C="${A}"␍
                kept [] written ["A", "B", "C"]
            "#]],
        );
    }

    #[test]
    fn the_last_of_several_lines_is_the_one_that_counts() {
        check(
            "A=mine\nA=\nB=x\nC=x\n",
            expect![[r#"
            A=mine
            A=1
            B=x
            C=x
            kept ["B", "C"] written ["A"]
        "#]],
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_stays() {
        check(
            "two words\nX=a b\nA=\"open\n",
            expect![[r#"
            two words
            X=a b
            A="open

            A=1
            B=2

            C="${A}"
            kept [] written ["A", "B", "C"]
        "#]],
        );
    }
}
