//! Whose signature it is: the public key behind an ECDSA signature on the curve secp256k1.
//!
//! A decision about size: the well-kept crate (k256) would add 19 KB to the package (brotli) for this one question, this file adds
//! 1.5 KB. It only checks what others have signed. No secret passes through it, so nothing here need take constant time; and
//! what it gets wrong, the server's own check still refuses. The host tests compare it with k256.

/// A number of 256 bits, the lowest 64 first.
pub(super) type U256 = [u64; 4];

/// The field's prime, 2^256 − 2^32 − 977.
const P: U256 = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];
/// The order of the curve's group.
pub(super) const N: U256 = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];
const ZERO: U256 = [0; 4];
const ONE: U256 = [1, 0, 0, 0];
/// The base point.
const G: Point = Point {
    x: [0x59f2_815b_16f8_1798, 0x029b_fcdb_2dce_28d9, 0x55a0_6295_ce87_0b07, 0x79be_667e_f9dc_bbac],
    y: [0x9c47_d08f_fb10_d4b8, 0xfd17_b448_a685_5419, 0x5da4_fbfc_0e11_08a8, 0x483a_da77_26a3_c465],
    z: ONE,
};

/// A number from 32 bytes, the highest first.
pub(super) fn from_bytes(bytes: &[u8]) -> U256 {
    let mut number = ZERO;
    for (limb, eight) in number.iter_mut().rev().zip(bytes.chunks_exact(8)) {
        *limb = eight.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    number
}

/// The number as 32 bytes, the highest first.
pub(super) fn to_bytes(number: &U256) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (eight, limb) in bytes.chunks_exact_mut(8).zip(number.iter().rev()) {
        eight.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

pub(super) fn is_less(a: &U256, b: &U256) -> bool {
    for (a, b) in a.iter().zip(b).rev() {
        if a != b {
            return a < b;
        }
    }
    false
}

/// a − b modulo 2^256.
pub(super) fn minus(a: &U256, b: &U256) -> U256 {
    let mut difference = ZERO;
    let mut borrow = false;
    for ((to, a), b) in difference.iter_mut().zip(a).zip(b) {
        let (once, first) = a.overflowing_sub(*b);
        let (twice, second) = once.overflowing_sub(u64::from(borrow));
        *to = twice;
        borrow = first || second;
    }
    difference
}

fn add(a: &U256, b: &U256, modulus: &U256) -> U256 {
    let mut sum = ZERO;
    let mut carry = false;
    for ((to, a), b) in sum.iter_mut().zip(a).zip(b) {
        let (once, first) = a.overflowing_add(*b);
        let (twice, second) = once.overflowing_add(u64::from(carry));
        *to = twice;
        carry = first || second;
    }
    if carry || !is_less(&sum, modulus) { minus(&sum, modulus) } else { sum }
}

fn sub(a: &U256, b: &U256, modulus: &U256) -> U256 {
    add(a, &minus(modulus, b), modulus)
}

/// By doubling and adding: the smallest code, and fast enough for one signature.
fn mul(a: &U256, b: &U256, modulus: &U256) -> U256 {
    let mut product = ZERO;
    for bit in bits(b) {
        product = add(&product, &product, modulus);
        if bit {
            product = add(&product, a, modulus);
        }
    }
    product
}

/// The bits, the highest first.
fn bits(number: &U256) -> impl Iterator<Item = bool> {
    (0..256).rev().map(|bit| number.get(bit >> 6).is_some_and(|limb| limb >> (bit & 63) & 1 == 1))
}

fn power(base: &U256, exponent: &U256, modulus: &U256) -> U256 {
    let mut result = ONE;
    for bit in bits(exponent) {
        result = mul(&result, &result, modulus);
        if bit {
            result = mul(&result, base, modulus);
        }
    }
    result
}

/// 1 / number, by Fermat's little theorem.
fn inverse(number: &U256, modulus: &U256) -> U256 {
    power(number, &minus(modulus, &[2, 0, 0, 0]), modulus)
}

/// A point in Jacobian coordinates; z is zero at infinity.
#[derive(Clone, Copy)]
struct Point {
    x: U256,
    y: U256,
    z: U256,
}

const INFINITY: Point = Point { x: ONE, y: ONE, z: ZERO };

impl Point {
    fn double(&self) -> Point {
        let times = |a: &U256, b: &U256| mul(a, b, &P);
        let twice = |a: &U256| add(a, a, &P);
        let yy = times(&self.y, &self.y);
        let s = twice(&twice(&times(&self.x, &yy)));
        let xx = times(&self.x, &self.x);
        let m = add(&twice(&xx), &xx, &P);
        let x = sub(&times(&m, &m), &twice(&s), &P);
        let eight = twice(&twice(&twice(&times(&yy, &yy))));
        Point { x, y: sub(&times(&m, &sub(&s, &x, &P)), &eight, &P), z: twice(&times(&self.y, &self.z)) }
    }

    fn plus(&self, other: &Point) -> Point {
        if self.z == ZERO {
            return *other;
        }
        if other.z == ZERO {
            return *self;
        }
        let times = |a: &U256, b: &U256| mul(a, b, &P);
        let (zz, other_zz) = (times(&self.z, &self.z), times(&other.z, &other.z));
        let (u, other_u) = (times(&self.x, &other_zz), times(&other.x, &zz));
        let (s, other_s) = (times(&times(&self.y, &other_zz), &other.z), times(&times(&other.y, &zz), &self.z));
        let (h, r) = (sub(&other_u, &u, &P), sub(&other_s, &s, &P));
        if h == ZERO {
            return if r == ZERO { self.double() } else { INFINITY };
        }
        let hh = times(&h, &h);
        let hhh = times(&hh, &h);
        let v = times(&u, &hh);
        let x = sub(&sub(&times(&r, &r), &hhh, &P), &add(&v, &v, &P), &P);
        let y = sub(&times(&r, &sub(&v, &x, &P)), &times(&s, &hhh), &P);
        Point { x, y, z: times(&times(&self.z, &other.z), &h) }
    }
}

/// The public key, x and y, that has signed this hash. `odd` is the parity of the signature's point. `None` when no key can
/// have made this signature.
pub(super) fn public_key(hash: &[u8; 32], r: &U256, s: &U256, odd: bool) -> Option<[[u8; 32]; 2]> {
    let in_range = |number: &U256| *number != ZERO && is_less(number, &N);
    if !in_range(r) || !in_range(s) {
        return None;
    }
    // y² = x³ + 7; the prime is 3 modulo 4, so a root is a power.
    let square = add(&mul(&mul(r, r, &P), r, &P), &[7, 0, 0, 0], &P);
    let quarter = [0xffff_ffff_bfff_ff0c, u64::MAX, u64::MAX, 0x3fff_ffff_ffff_ffff];
    let mut y = power(&square, &quarter, &P);
    if mul(&y, &y, &P) != square {
        return None;
    }
    if (y.first()? & 1 == 1) != odd {
        y = minus(&P, &y);
    }
    let point = Point { x: *r, y, z: ONE };
    // (s·R − hash·G) / r, both products in one pass.
    let by = inverse(r, &N);
    let hash = from_bytes(hash);
    let hash = if is_less(&hash, &N) { hash } else { minus(&hash, &N) };
    let of_g = sub(&ZERO, &mul(&hash, &by, &N), &N);
    let of_point = mul(s, &by, &N);
    let both = point.plus(&G);
    let mut sum = INFINITY;
    for (first, second) in bits(&of_g).zip(bits(&of_point)) {
        sum = sum.double();
        sum = match (first, second) {
            (true, true) => sum.plus(&both),
            (true, false) => sum.plus(&G),
            (false, true) => sum.plus(&point),
            (false, false) => sum,
        };
    }
    if sum.z == ZERO {
        return None;
    }
    let by = inverse(&sum.z, &P);
    let squared = mul(&by, &by, &P);
    Some([to_bytes(&mul(&sum.x, &squared, &P)), to_bytes(&mul(&mul(&sum.y, &squared, &P), &by, &P))])
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::x402::keccak::keccak256;
    use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};

    #[test]
    fn the_key_is_the_one_that_another_implementation_finds() {
        for seed in 1..=12u8 {
            let key = SigningKey::from_bytes(&keccak256(&[&[seed]]).into()).unwrap();
            let hash = keccak256(&[b"message", &[seed]]);
            let (signature, id) = key.sign_prehash_recoverable(&hash).unwrap();
            let bytes = signature.to_bytes();
            let (r, s) = (from_bytes(&bytes[..32]), from_bytes(&bytes[32..]));
            let point = key.verifying_key().to_encoded_point(false);
            let found = public_key(&hash, &r, &s, id.is_y_odd()).unwrap();
            assert_eq!(found.concat(), point.as_bytes()[1..]);
            // The other parity and another hash are other keys, the same as the other implementation's.
            let other = keccak256(&[b"other"]);
            for (hash, odd) in [(hash, !id.is_y_odd()), (other, id.is_y_odd())] {
                let expected = VerifyingKey::recover_from_prehash(&hash, &signature, RecoveryId::new(odd, false)).unwrap();
                assert_eq!(public_key(&hash, &r, &s, odd).unwrap().concat(), expected.to_encoded_point(false).as_bytes()[1..]);
            }
            assert_eq!(Signature::from_slice(&[to_bytes(&r), to_bytes(&s)].concat()).unwrap(), signature);
        }
    }

    #[test]
    fn numbers_out_of_range_are_nobodys_signature() {
        let hash = [1; 32];
        for (r, s) in [(ZERO, ONE), (ONE, ZERO), (N, ONE), (ONE, N), ([u64::MAX; 4], ONE)] {
            assert_eq!(public_key(&hash, &r, &s, false), None);
        }
        // There is no point with x = 5.
        assert_eq!(public_key(&hash, &[5, 0, 0, 0], &ONE, false), None);
        // A hash above the order of the group, and one that makes the key the point at infinity.
        assert!(public_key(&[255; 32], &ONE, &ONE, true).is_some());
        let to_infinity = to_bytes(&ONE);
        assert_eq!(public_key(&to_infinity, &G.x, &ONE, G.y[0] & 1 == 1), None);
    }
}
