//! Text for people: shortened, and without what could be a proof of payment.

/// This many hexadecimal digits in a row may be most of a proof of payment: a hash has 64 of them,
/// an address 40.
const SECRET_DIGITS: usize = 48;

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

/// The text without what could be a proof of payment: long hexadecimal runs.
pub fn redact(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
        let digits = rest.bytes().take_while(is_digit).count();
        let end =
            rest.bytes().skip(digits).position(|byte| is_digit(&byte)).map_or(rest.len(), |more| digits.saturating_add(more));
        let (run, between) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        // A number may be as long, and has no letters.
        let is_secret = digits >= SECRET_DIGITS && run.bytes().any(|digit| digit.is_ascii_alphabetic());
        clean.push_str(if is_secret { "…" } else { run });
        clean.push_str(between.get(..end.saturating_sub(digits)).unwrap_or(between));
        rest = rest.get(end..).unwrap_or("");
    }
    clean
}

/// Whether `part` is in `text`.
pub fn has(text: &str, part: &str) -> bool {
    text.contains(part)
}

/// The parts in one text.
pub fn concat(parts: &[&str]) -> String {
    parts.concat()
}

/// The template with a part in place of each `%`.
pub fn fill(template: &str, parts: &[&str]) -> String {
    let mut whole = String::new();
    let mut rest = template;
    for part in parts {
        if let Some((before, after)) = rest.split_once('%') {
            whole.push_str(before);
            whole.push_str(part);
            rest = after;
        }
    }
    whole.push_str(rest);
    whole
}

/// The parts in one text, with `between` between them.
pub fn join<T: AsRef<str>>(parts: &[T], between: &str) -> String {
    parts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(between)
}

/// A whole number in decimal digits.
pub fn decimal(number: u64) -> String {
    number.to_string()
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
    fn templates_are_filled_in_order_and_parts_are_no_templates() {
        assert_eq!(fill("a % b %", &["1%", "2"]), "a 1% b 2");
        assert_eq!(fill("%%", &["", "x"]), "x");
        assert_eq!(fill("none", &[]), "none");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten("añ😀b", 3), "añ😀…");
        assert_eq!(shorten("añ😀", 3), "añ😀");
        assert_eq!(shorten("a\r\nb", 9), "a  b");
    }
}
