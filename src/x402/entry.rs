//! What the entries of all dialects have in common: a network, a token, a recipient.

use std::rc::Rc;

use super::address;
use super::tokens::Token;
use crate::json::{Json, shown};
use crate::text::shorten;

/// The longest name of a network that a reason shows, in characters.
const MAX_NETWORK: usize = 40;

/// A member as a reason shows it: `amount "0.5"`.
pub(super) fn shown_member(entry: &Json, key: &str) -> String {
    format!("{key} {}", entry.get(key).map_or_else(|| "(nothing)".to_owned(), |value| shown(&value)))
}

/// The token that an entry is about, out of the client's own list. `is_meant` tells it from other
/// tokens on the same network, by the member `key`.
pub(super) fn token(
    entry: &Json,
    tokens: &[Rc<Token>],
    key: &str,
    is_meant: impl Fn(&Token) -> bool,
) -> Result<Rc<Token>, String> {
    let network = entry.get_text("network").ok_or_else(|| shown_member(entry, "network"))?;
    let on_network: Vec<_> = tokens.iter().filter(|token| token.is_on(&network)).collect();
    if let Some(token) = on_network.iter().find(|token| is_meant(token)) {
        return Ok(Rc::clone(token));
    }
    let network = shorten(&network, MAX_NETWORK);
    Err(if on_network.is_empty() {
        format!("unknown network {network}")
    } else {
        format!("{} is no token that may be paid with on {network}", shown_member(entry, key))
    })
}

/// Whom an entry asks to pay: an address that can be paid, and not the token's own.
pub(super) fn recipient(entry: &Json, key: &str, token: &Token) -> Result<String, String> {
    let can_be_paid = |to: &String| match token.chain_id {
        0 => !to.is_empty(),
        _ => address::is_payable(to) && !token.is_asset(to),
    };
    entry.get_text(key).filter(can_be_paid).ok_or_else(|| format!("{} cannot be paid", shown_member(entry, key)))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::json;
    use crate::x402::tokens::usdc;

    #[test]
    fn on_another_chain_any_text_may_be_a_recipient() {
        let base = usdc().remove(0);
        let other = Token { network: "solana".into(), chain_id: 0, ..(*base).clone() };
        for (to, on_base, elsewhere) in [
            (json!("0x209693Bc6afc0C5328bA36FaF03C514EF312287C"), true, true),
            (json!(base.asset.clone()), false, true),
            (json!("FeePayer1"), false, true),
            (json!(""), false, false),
            (json!(5), false, false),
        ] {
            let entry = json!({"payTo": to.0});
            assert_eq!(recipient(&entry, "payTo", &base).is_ok(), on_base, "{entry}");
            assert_eq!(recipient(&entry, "payTo", &other).is_ok(), elsewhere, "{entry}");
        }
    }
}
