//! Fresh credentials of an application, in the forms that `reverb:install` gives them.

use anyhow::Context as _;

const KEY_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 20;
const ID_DIGITS: usize = 6;
const DIGITS: &[u8] = b"0123456789";
const LOWER_CASE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BOTH_CASES: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What identifies an application and signs for it.
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) secret: String,
}

impl Credentials {
    /// Draws credentials from the system's random source.
    pub(super) fn random() -> anyhow::Result<Self> {
        let first_digit = random(1, &DIGITS[1..])?;
        Ok(Self {
            id: first_digit + &random(ID_DIGITS - 1, DIGITS)?,
            key: random(KEY_LENGTH, LOWER_CASE)?,
            secret: random(SECRET_LENGTH, BOTH_CASES)?,
        })
    }
}

/// Draws a text; every character of the alphabet is equally likely.
fn random(length: usize, alphabet: &[u8]) -> anyhow::Result<String> {
    // Bytes above the last whole multiple of the alphabet would favour its first characters.
    let usable = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < usable);
        let characters = fair.map(|byte| char::from(alphabet[byte % alphabet.len()]));
        text.extend(characters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_have_the_forms_of_reverb() {
        for _ in 0..100 {
            let Credentials { id, key, secret } = Credentials::random().expect("random numbers");
            assert!((100_000..1_000_000).contains(&id.parse::<u32>().expect("a number")));
            assert!(key.len() == 20 && key.bytes().all(|byte| LOWER_CASE.contains(&byte)));
            assert!(secret.len() == 20 && secret.bytes().all(|byte| BOTH_CASES.contains(&byte)));
        }
    }

    #[test]
    fn every_character_comes_up() {
        let text = random(10_000, LOWER_CASE).expect("random numbers");
        assert!(LOWER_CASE.iter().all(|character| text.as_bytes().contains(character)));
    }
}
