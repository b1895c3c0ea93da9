//! Texts in base64, as headers have them.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// With padding.
pub fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let six = LETTERS.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            encoded.push(char::from(if at > three.len() { b'=' } else { six }));
        }
    }
    encoded
}

/// The text that this is the base64 of, with its padding or without; `None` for anything else.
pub fn decode(text: &str) -> Option<String> {
    let letters = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let padding = text.len().saturating_sub(letters.len());
    let last = letters.len() % 4;
    if padding > 0 && (last < 2 || last.saturating_add(padding) > 4) {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut held): (u32, u32) = (0, 0);
    for letter in letters.bytes() {
        let six = LETTERS.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(six).ok()?;
        held = held.saturating_add(6);
        if held >= 8 {
            held = held.saturating_sub(8);
            bytes.push((bits >> held & 255) as u8);
        }
    }
    // What is left over is nothing: neither a letter alone, nor bits that say something.
    let is_whole = held < 6 && bits & 1_u32.checked_shl(held)?.checked_sub(1)? == 0;
    String::from_utf8(bytes).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use ::base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};

    use super::*;

    #[test]
    fn texts_are_encoded_as_the_library_does() {
        for text in ["", "f", "fo", "foo", "{\"a\":\"€\"}", "\0?>~😀"] {
            assert_eq!(encode(text), STANDARD.encode(text));
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn the_same_is_taken_as_by_the_library() {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let library = GeneralPurpose::new(&::base64::alphabet::STANDARD, config);
        let cases = "Zg== Zg= Zg Zg=== Zm8= Zm8 Zm9v Zm9v= Zm9v== Zh== Zm9= Z Zm9vZ Zg==Zg== Z=g= = == ==== Pz8_ Z\u{20}g é gA== Zm9vZg==";
        for text in cases.split(' ').chain([""]) {
            let decoded = library.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            assert_eq!(decode(text), decoded, "{text}");
        }
    }
}
