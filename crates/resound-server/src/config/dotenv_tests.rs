//! The language of `.env` files, case by case.

use expect_test::{Expect, expect};

use super::EnvFile;

/// Shows what a file says, with `OUTSIDE=from outside` as the environment of the process.
fn shown(text: &str) -> String {
    let outside = |name: &str| (name == "OUTSIDE").then(|| "from outside".to_owned());
    let file = EnvFile::parse(text, outside);
    let mut shown = String::new();
    for entry in &file.entries {
        shown += &format!("{}: {} = {:?}", entry.line, entry.name, entry.value);
        if !entry.unresolved.is_empty() {
            shown += &format!(" without {}", entry.unresolved.join(", "));
        }
        shown += "\n";
    }
    for problem in &file.problems {
        let name = problem.name.as_deref().unwrap_or("?");
        shown += &format!("{}: {name}: {}\n", problem.line, problem.cause);
    }
    shown
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
fn check(text: &str, expect: Expect) {
    expect.assert_eq(&shown(text));
}

#[test]
fn plain_values_have_names_on_the_left() {
    check(
        "A=1\nB = two \n  C=three\nexport D=4\n'E'=5\n\"F\"=6\ng.h=7\nI=a=b\nEMPTY=\n",
        expect![[r#"
            1: A = "1"
            2: B = "two"
            3: C = "three"
            4: D = "4"
            5: E = "5"
            6: F = "6"
            7: g.h = "7"
            8: I = "a=b"
            9: EMPTY = ""
        "#]],
    );
}

#[test]
fn comments_end_values_that_have_no_quotes() {
    check(
        "# one\n  # two\nA=1 # three\nB=1#2\nC=#\nD=\"a # b\" # four\nE='a # b'# five\n",
        expect![[r#"
            3: A = "1"
            4: B = "1"
            5: C = ""
            6: D = "a # b"
            7: E = "a # b"
        "#]],
    );
}

#[test]
fn escapes_count_in_double_quotes_only() {
    check(
        r#"A="a\"b\\c\nd\te\$f"
B='a\nb'
C=a\nb
"#,
        expect![[r#"
            1: A = "a\"b\\c\nd\te$f"
            2: B = "a\\nb"
            3: C = "a\\nb"
        "#]],
    );
}

#[test]
fn variables_are_put_in_from_above_and_from_outside() {
    check(
        "A=1\nB=${A}2\nC=\"${B}-${OUTSIDE}\"\nD='${A}'\nE=\\${A}\nF=\"\\${A}\"\nOUTSIDE=inside\n\
         G=${OUTSIDE}\nH=${LATER}\nLATER=x\nI=$A${}\nX1=nested\nJ=\"${X${A}}\"\n",
        expect![[r#"
            1: A = "1"
            2: B = "12"
            3: C = "12-from outside"
            4: D = "${A}"
            5: E = "\\1"
            6: F = "${A}"
            7: OUTSIDE = "inside"
            8: G = "from outside"
            9: H = "${LATER}" without LATER
            10: LATER = "x"
            11: I = "$A${}"
            12: X1 = "nested"
            13: J = "nested"
        "#]],
    );
}

#[test]
fn a_value_that_was_put_in_is_not_looked_through_again() {
    check(
        "A='${B}'\nB=1\nC=${A}\n",
        expect![[r#"
            1: A = "${B}"
            2: B = "1"
            3: C = "${B}"
        "#]],
    );
}

#[test]
fn ends_of_lines_and_a_byte_order_mark_are_no_part_of_values() {
    check(
        "\u{feff}A=1\r\nB=\"two\r\nlines\" # of B\r\nC=3\rD=4",
        expect![[r#"
            1: A = "1"
            2: B = "two\nlines"
            4: C = "3"
            5: D = "4"
        "#]],
    );
}

#[test]
fn values_over_several_lines_need_double_quotes() {
    check(
        "KEY=\"-----BEGIN-----\nabc=\n# no comment\n-----END-----\"\nA=1\nB='x\ny'\n",
        expect![[r#"
            1: KEY = "-----BEGIN-----\nabc=\n# no comment\n-----END-----"
            5: A = "1"
            6: B: there is no closing quote
            7: ?: the name is not one of letters, digits, _ and .
        "#]],
    );
}

#[test]
fn a_bad_line_is_the_only_one_that_is_lost() {
    check(
        "A=\"open\nB=\"2\"\nC=a b\nD=\"a\"b\nwords of a poem\nE\n=1\nF=\"\\q\"\nG=3\n",
        expect![[r#"
            2: B = "2"
            9: G = "3"
            1: A: a value with blanks needs quotes around it
            3: C: a value with blanks needs quotes around it
            4: D: a value with blanks needs quotes around it
            5: ?: the name is not one of letters, digits, _ and .
            6: E: there is no equals sign
            7: ?: the name is not one of letters, digits, _ and .
            8: F: there is an escape that does not exist
        "#]],
    );
}

#[test]
fn the_later_of_two_entries_counts() {
    let file = EnvFile::parse("A=1\nA=2\n", |_| None);
    assert_eq!(file.entry("A").map(|entry| entry.value.as_str()), Some("2"));
}

#[test]
fn an_entry_knows_where_its_value_is_written() {
    let text = "A=1 # x\nB=  \"a\\\"b\" # x\nC='c'\nD=\nE= # x\n";
    let file = EnvFile::parse(text, |_| None);
    let written: Vec<_> = file.entries.iter().map(|entry| &text[entry.span.clone()]).collect();
    assert_eq!(written, ["1", r#""a\"b""#, "'c'", "", ""]);
}

#[test]
fn no_text_makes_the_reader_panic_or_stop() {
    for text in
        ["", "\u{feff}", "=", "A=\"", "A='", "A=\"\\", "A=\"é\\é\"", "é=1", "A=é${é}$", "\r\r\n"]
    {
        shown(text);
    }
}
