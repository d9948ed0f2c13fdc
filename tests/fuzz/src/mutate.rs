//! Changes seeds: bytes and whole words are replaced, repeated, moved and lost. The same number gives the same changes.

/// A generator of inputs, by xorshift from a number.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

/// What is put in: brackets, words and numbers that mean something somewhere.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"(",
    b")",
    b"<",
    b">",
    b"[",
    b"]",
    b"\"",
    b"'",
    b",",
    b";",
    b":",
    b"=",
    b"&",
    b".",
    b"\\",
    b"\n",
    b"\r\n",
    b" ",
    b"/*",
    b"*/",
    b"//",
    b"#",
    b"/** d */",
    b"struct",
    b"union",
    b"enum",
    b"const",
    b"typedef",
    b"service",
    b"scope",
    b"prefix",
    b"throws",
    b"extends",
    b"oneway",
    b"optional",
    b"list<",
    b"map<",
    b"i32",
    b"string",
    b"a",
    b"1",
    b"-1",
    b"0x7f",
    b"1e9",
    b"\xc3\xa9",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\x00\x00\x00\x01",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\x0f",
    b"\"str\"",
    b"\"rec\"",
    b"null",
    b"1.5",
];

impl Mutator {
    /// The inputs of this number.
    pub fn new(seed: u64) -> Self {
        // Xorshift stays at zero, and begins slowly near it.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One of the seeds, changed in one to eight places.
    pub fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.seed(seeds);
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, seeds);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let (start, end) = if self.below(2) == 0 { self.span(bytes) } else { self.word(bytes) };
        let piece = PIECES[self.below(PIECES.len())].to_vec();
        match self.below(6) {
            0 => drop(bytes.splice(start..end, [])),
            1 => drop(bytes.splice(start..start, piece)),
            2 => drop(bytes.splice(start..end, piece)),
            3 => {
                let copy = bytes[start..end].to_vec();
                let (at, _) = self.word(bytes);
                bytes.splice(at..at, copy);
            }
            4 => {
                let other = self.seed(seeds);
                let (from, to) = self.word(&other);
                bytes.splice(start..end, other[from..to].iter().copied());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte ^= 1 << (self.0 % 8);
                }
            }
        }
    }

    /// A few bytes next to each other.
    fn span(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.below(bytes.len() + 1);
        (start, (start + self.below(4)).min(bytes.len()))
    }

    /// A run of letters and digits, or of anything else.
    fn word(&mut self, bytes: &[u8]) -> (usize, usize) {
        let at = self.below(bytes.len() + 1);
        let Some(first) = bytes.get(at) else { return (at, at) };
        let alike = |byte: &&u8| byte.is_ascii_alphanumeric() == first.is_ascii_alphanumeric();
        let before = bytes[..at].iter().rev().take_while(alike).count();
        let behind = bytes[at..].iter().take_while(alike).count();
        (at - before, at + behind)
    }

    fn seed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        if seeds.is_empty() { Vec::new() } else { seeds[self.below(seeds.len())].clone() }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The remainder is smaller than `limit`, which is a usize.
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}
