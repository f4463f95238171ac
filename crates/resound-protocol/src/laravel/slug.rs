//! Laravel's `Str::slug`, from which it makes the prefix of its keys and channels in Redis.

/// What Laravel writes for letters that are not ASCII: Latin and Cyrillic ones. Other letters and
/// signs are left out here, as Laravel leaves out most of them.
#[rustfmt::skip]
const TRANSLITERATION: &[(&str, &str)] = &[
    ("a", "ªàáâãäåāăąǎǻȧạảấầẩẫậắằẳẵặа"), ("ae", "æǽ"), ("b", "б"), ("c", "¢çćĉċčȼцчћ"),
    ("d", "ðďđдḍ"), ("dj", "ђ"), ("dz", "ѕџ"), ("e", "èéêëēĕėęěȩẹẻẽếềểễệеэё"), ("eur", "€"),
    ("f", "ƒф"), ("g", "ĝğġģг"), ("gj", "ѓ"), ("h", "ĥħ"), ("i", "ìíîïĩīĭįıǐỉịий\u{456}"),
    ("ia", "я"), ("ie", "ъ"), ("ij", "ĳ"), ("iu", "ю"), ("j", "ĵǰј"), ("je", "є"), ("k", "ķĸк"),
    ("kj", "ќ"), ("l", "ĺļľŀłл"), ("lj", "ǉљ"), ("m", "м"), ("n", "ñńņňŉŋǹн"), ("nj", "ǌњ"),
    ("o", "ºòóôõöøōŏőơǒǫǿọỏốồổỗộớờởỡợо"), ("oe", "œ"), ("p", "п"), ("ps", "£"), ("r", "ŕŗřр"),
    ("s", "śŝşšſșсш"), ("shh", "щ"), ("ss", "ß"), ("t", "ţťŧțт"), ("th", "þ"),
    ("u", "ùúûüũūŭůűųưǔụủứừửữựу"), ("v", "в"), ("w", "ŵẁẃẅ"), ("x", "х"), ("y", "ýÿŷȳỳỵỷỹы"),
    ("yen", "¥"), ("yi", "ї"), ("z", "źżžжз"), ("1", "¹"), ("2", "²"), ("3", "³"),
];

/// The prefix that Laravel puts in front of its keys and channels in Redis, unless `REDIS_PREFIX` says
/// otherwise: with the separator `-` since version 13, with `_` before.
///
/// ```
/// use resound_protocol::laravel::redis_prefix;
///
/// assert_eq!(redis_prefix("My App", '-'), "my-app-database-");
/// assert_eq!(redis_prefix("My App", '_'), "my_app_database_");
/// ```
pub fn redis_prefix(app_name: &str, separator: char) -> String {
    format!("{}{separator}database{separator}", slug(app_name, separator))
}

/// Makes `my_app` of `My App`, with the separator `_`.
fn slug(title: &str, separator: char) -> String {
    let mut slug = String::with_capacity(title.len());
    let mut has_gap = false;
    let mut push = |text: &str, has_gap: &mut bool| {
        if std::mem::take(has_gap) && !slug.is_empty() {
            slug.push(separator);
        }
        slug.push_str(text);
    };
    for c in title.chars().flat_map(char::to_lowercase) {
        match c {
            '-' | '_' => has_gap = true,
            '@' => {
                has_gap = true;
                push("at", &mut has_gap);
                has_gap = true;
            }
            c if is_blank(c) => has_gap = true,
            c if c.is_ascii_alphanumeric() => push(c.encode_utf8(&mut [0; 4]), &mut has_gap),
            c => {
                if let Some(ascii) = transliterate(c) {
                    push(ascii, &mut has_gap);
                }
            }
        }
    }
    slug
}

/// Blanks of any kind, and the long dashes, which become short ones.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '–' | '—' | '\u{200b}')
}

fn transliterate(c: char) -> Option<&'static str> {
    TRANSLITERATION.iter().find(|(_, letters)| letters.contains(c)).map(|(ascii, _)| *ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(title: &str, expected: &str) {
        assert_eq!(slug(title, '_'), expected, "{title:?}");
        assert_eq!(slug(title, '-'), expected.replace('_', "-"), "{title:?}");
    }

    /// What Laravel 8 answers to the same.
    #[test]
    fn names_of_applications_become_what_laravel_makes_of_them() {
        for (title, expected) in [
            ("Laravel", "laravel"),
            ("My App", "my_app"),
            ("A shop & more", "a_shop_more"),
            ("foo_bar-baz", "foo_bar_baz"),
            ("  spaced  out ", "spaced_out"),
            ("a.b.c", "abc"),
            ("a/b\\c", "abc"),
            ("a+b=c", "abc"),
            ("v1.2 (beta)", "v12_beta"),
            ("__x__", "x"),
            ("--x--", "x"),
            ("a__b--c", "a_b_c"),
            ("tab\tx", "tab_x"),
            ("100% \"quoted\"", "100_quoted"),
            ("O'Brien", "obrien"),
            ("user@home", "user_at_home"),
            ("A@B@C", "a_at_b_at_c"),
            ("_-_", ""),
            ("", ""),
            ("!!!", ""),
        ] {
            check(title, expected);
        }
    }

    #[test]
    fn other_letters_than_ascii_become_what_laravel_makes_of_them() {
        for (title, expected) in [
            ("Ünïcödé Äpp ß", "unicode_app_ss"),
            ("Straße", "strasse"),
            ("Café d’été", "cafe_dete"),
            ("ÆØÅ œ ł", "aeoa_oe_l"),
            ("naïve—dash", "naive_dash"),
            ("x – y", "x_y"),
            ("Приложение", "prilozenie"),
            ("İstanbul", "istanbul"),
            ("čďěňřšťůž", "cdenrstuz"),
            ("ąćęłńóśźż", "acelnoszz"),
            ("ğışç", "gisc"),
            ("őű", "ou"),
            ("ă î ș ț", "a_i_s_t"),
            ("ð þ đ ħ ĳ ŋ ŧ", "d_th_d_h_ij_n_t"),
            ("€uro £ ½", "eururo_ps"),
            ("日本語 app", "app"),
            ("🚀 rocket", "rocket"),
            ("App™ ©", "app"),
        ] {
            check(title, expected);
        }
    }
}
