//! Text for people: shortened, and without what could be a proof of payment.
//!
//! Where a text comes from decides what it goes through before a message shows it:
//!
//! | from | through | which takes out |
//! | --- | --- | --- |
//! | a server | [`fit`](crate::http::words::fit) | the request's own secrets, and proofs |
//! | an argument | [`shown`](crate::json::shown) | what objects and lists contain |
//! | a wallet | [`only_hosts`], [`shorten`] | the paths of addresses, which may be keys |
//! | a store | [`shorten`] | nothing but what is too long |
//!
//! [`Error::new`](crate::api::error::Error::new) has every message go through [`redact`] besides.

/// This many hexadecimal digits in a row may be most of a proof of payment: a hash has 64 of them,
/// an address 40.
const SECRET_DIGITS: usize = 48;
/// This many characters of base64 in a row may be a proof of payment, which has several hundred.
const SECRET_CHARACTERS: usize = 120;

/// The first `limit` characters of a text, with `…` where something was cut off. Control characters
/// become blanks.
pub fn shorten(text: &str, limit: usize) -> String {
    let mut short = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == limit {
            short.push('…');
            break;
        }
        short.push(if character < ' ' || character == '\u{7f}' { ' ' } else { character });
    }
    short
}

/// The text with no more of each address than its scheme and host: the rest may be a key of the
/// caller's.
pub fn only_hosts(text: &str) -> String {
    const ENDS: [char; 8] = ['"', '\'', '`', '<', '>', ')', ']', '}'];
    let mut clean = String::new();
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        let is_end = |character: char| character <= ' ' || ENDS.contains(&character);
        let (address, after) = address.split_at_checked(address.find(is_end).unwrap_or(address.len())).unwrap_or((address, ""));
        let authority = address.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let cut = if host.len() < address.len() { "/…" } else { "" };
        clean.push_str(&[before, "://", host, cut].concat());
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// The text without what could be a proof of payment: long runs of hexadecimal digits or of base64.
pub fn redact(text: &str) -> String {
    // A number may be as long, and has no letters.
    let is_hash = |run: &[u8]| run.len() >= SECRET_DIGITS && run.iter().any(u8::is_ascii_alphabetic);
    let is_proof = |run: &[u8]| {
        let has = |kind: fn(&u8) -> bool| run.iter().any(kind);
        run.len() >= SECRET_CHARACTERS && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
    };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    without_runs(&without_runs(text, &u8::is_ascii_hexdigit, &is_hash), &is_base64, &is_proof)
}

/// The text with `…` for each run of such bytes that is a secret.
fn without_runs(text: &str, is_part: &dyn Fn(&u8) -> bool, is_secret: &dyn Fn(&[u8]) -> bool) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|byte| is_part(byte)).count();
        let end =
            rest.bytes().skip(length).position(|byte| is_part(&byte)).map_or(rest.len(), |more| length.saturating_add(more));
        let (run, between) = rest.split_at_checked(length).unwrap_or((rest, ""));
        clean.push_str(if is_secret(run.as_bytes()) { "…" } else { run });
        clean.push_str(between.get(..end.saturating_sub(length)).unwrap_or(between));
        rest = rest.get(end..).unwrap_or("");
    }
    clean
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    #[test]
    fn long_hexadecimal_runs_are_taken_out() {
        let hash = "aB".repeat(32);
        assert_eq!(redact(&format!("0x0x{hash} é {hash}é{}", "c".repeat(47))), format!("0x0x… é …é{}", "c".repeat(47)));
        assert_eq!(redact(&"7".repeat(70)), "7".repeat(70));
        for same in ["", "é", "ab", "0x12 bad cafe", "22222222-2222-4222-8222-222222222222"] {
            assert_eq!(redact(same), same);
        }
    }

    #[test]
    fn long_runs_of_base64_are_taken_out() {
        let proof = "eyJ4NDAyVmVyc2lvbiI6MX0-_A+/".repeat(5);
        assert_eq!(redact(&format!("cannot settle {proof}==, é{proof}")), "cannot settle …, é…");
        for same in ["x".repeat(4_000), "/a/path/of/words/that/is/long".repeat(9), proof.get(..119).unwrap().to_owned()] {
            assert_eq!(redact(&same), same);
        }
    }

    #[test]
    fn of_addresses_the_hosts_are_left() {
        for (given, cut) in [
            (
                "Status: 429 URL: https://base.g.test/v2/KEY Request body: {}",
                "Status: 429 URL: https://base.g.test/… Request body: {}",
            ),
            (r#"(info={ "requestUrl": "http://h:8545/KEY" }, code=1)"#, r#"(info={ "requestUrl": "http://h:8545/…" }, code=1)"#),
            ("wss://user:KEY@h.test, https://h.test?key=KEY\nhttps://h/#KEY)", "wss://h.test,/… https://h.test/…\nhttps://h/…)"),
            ("at https://é.test/KEY/a://b and on", "at https://é.test/… and on"),
        ] {
            assert_eq!(only_hosts(given), cut, "{given}");
        }
        for same in ["", "://", "://a", "https://h.test", "<https://h.test:80> is down", "a: b // c"] {
            assert_eq!(only_hosts(same), same);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten("añ😀b", 3), "añ😀…");
        assert_eq!(shorten("añ😀", 3), "añ😀");
        assert_eq!(shorten("a\r\nb", 9), "a  b");
    }
}
