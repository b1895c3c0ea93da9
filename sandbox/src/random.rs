//! Random values that a seed determines: ids, hashes and nonces.

/// SplitMix64: small, quick, and good enough for values that only have to differ.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Two of one seed give the same values.
    pub fn new(seed: u32) -> Self {
        Self { state: u64::from(seed) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for eight in bytes.chunks_mut(8) {
            for (byte, random) in eight.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
        bytes
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let mut bytes: [u8; 16] = self.bytes();
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = (*version & 0x0f) | 0x40;
        *variant = (*variant & 0x3f) | 0x80;
        let hex = const_hex::encode(bytes);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    /// A transaction hash.
    pub fn hash(&mut self) -> String {
        const_hex::encode_prefixed(self.bytes::<32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_all_values() {
        let values = |seed| {
            let mut random = Random::new(seed);
            [random.uuid(), random.hash(), random.uuid()]
        };
        assert_eq!(values(7), values(7));
        assert_ne!(values(7), values(8));
        let [one, hash, other] = values(1);
        assert_ne!(one, other);
        assert_eq!((one.len(), hash.len()), (36, 66));
        assert_eq!((one.get(14..15), hash.get(..2)), (Some("4"), Some("0x")));
    }
}
