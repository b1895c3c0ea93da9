//! Keccak-256, the hash of Ethereum (the original padding, not SHA-3's). It costs the package 0.6 KB; checksums of addresses
//! and the check of signatures need it.

const ROTATIONS: [u32; 24] = [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];
const LANES: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
/// How many bytes are taken in at once.
const RATE: usize = 136;

/// The hash of all parts, one after the other.
pub fn keccak256(parts: &[&[u8]]) -> [u8; 32] {
    let mut padded: Vec<u8> = parts.concat();
    padded.push(1);
    while !padded.len().is_multiple_of(RATE) {
        padded.push(0);
    }
    if let Some(last) = padded.last_mut() {
        *last |= 0x80;
    }
    let mut state = [0u64; 25];
    for block in padded.chunks_exact(RATE) {
        for (lane, bytes) in state.iter_mut().zip(block.chunks_exact(8)) {
            *lane ^= bytes.iter().rev().fold(0, |lane, byte| lane << 8 | u64::from(*byte));
        }
        permute(&mut state);
    }
    let mut hash = [0; 32];
    for (bytes, lane) in hash.chunks_exact_mut(8).zip(state) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    hash
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "every index is a constant or taken modulo 5, and the numbers stay below 32"
)]
fn permute(state: &mut [u64; 25]) {
    // The constants of the rounds come out of a shift register of eight bits.
    let mut register: u8 = 1;
    for _ in 0..24 {
        let mut columns = [0u64; 5];
        for (at, lane) in state.iter().enumerate() {
            columns[at % 5] ^= lane;
        }
        for (at, lane) in state.iter_mut().enumerate() {
            *lane ^= columns[(at + 4) % 5] ^ columns[(at + 1) % 5].rotate_left(1);
        }
        let mut moving = state[1];
        for (lane, rotation) in LANES.into_iter().zip(ROTATIONS) {
            moving = core::mem::replace(&mut state[lane], moving.rotate_left(rotation));
        }
        for row in state.chunks_exact_mut(5) {
            let old = [row[0], row[1], row[2], row[3], row[4]];
            for (at, lane) in row.iter_mut().enumerate() {
                *lane ^= !old[(at + 1) % 5] & old[(at + 2) % 5];
            }
        }
        for power in 0..7u32 {
            if register & 1 == 1 {
                state[0] ^= 1 << ((1 << power) - 1);
            }
            register = register << 1 ^ if register >> 7 == 1 { 0x71 } else { 0 };
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use tiny_keccak::{Hasher, Keccak};

    #[test]
    fn every_length_hashes_as_another_implementation_hashes_it() {
        for length in [0, 1, 31, 32, 64, 134, 135, 136, 137, 271, 272, 273, 1000] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
            let mut other = Keccak::v256();
            other.update(&bytes);
            let mut expected = [0; 32];
            other.finalize(&mut expected);
            assert_eq!(keccak256(&[&bytes]), expected, "{length}");
            let (one, two) = bytes.split_at(bytes.len() / 3);
            assert_eq!(keccak256(&[one, two]), expected);
        }
    }
}
