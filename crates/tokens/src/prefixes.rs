//! Finds the longest token that a text begins with.

use crate::pairs::Pairs;
use crate::words::Spellings;

/// A token and its length in bytes, in one number; zero is none, as no token is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry(u32);

impl Entry {
    fn new(token: u32, length: usize) -> Self {
        Self((length as u32) << 24 | token)
    }

    pub(crate) fn token(self) -> u32 {
        self.0 & 0xff_ffff
    }

    pub(crate) fn length(self) -> usize {
        (self.0 >> 24) as usize
    }

    fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

/// All tokens as a tree of bytes, whose nodes are numbered; 1 to 256 are those after one byte.
#[derive(Debug)]
pub(crate) struct Prefixes {
    /// The node after the first two bytes, or three that are one character; zero is none.
    pairs: Vec<u32>,
    characters: Vec<u32>,
    /// The node after a node and a byte.
    next: Pairs,
    /// The longest token on the way to each node.
    longest: Vec<Entry>,
    /// The longest token that another one begins with.
    shorter: Vec<Entry>,
}

impl Prefixes {
    pub(crate) fn new(spellings: &Spellings) -> Self {
        let mut tree = Self {
            pairs: vec![0; 1 << 16],
            characters: vec![0; 1 << 16],
            next: Pairs::new(spellings.len() * 2),
            longest: vec![Entry::default(); 257],
            shorter: Vec::with_capacity(spellings.len() as usize),
        };
        let mut parents = vec![0; 257];
        let mut nodes = Vec::with_capacity(spellings.len() as usize);
        for token in 0..spellings.len() {
            let spelling = spellings.of(token);
            let node = tree.grow(spelling, &mut parents);
            if let Some(longest) = tree.longest.get_mut(node as usize) {
                *longest = Entry::new(token, spelling.len());
            }
            nodes.push(node);
        }
        // A parent comes before its children, so one pass hands tokens down.
        for (node, parent) in parents.iter().enumerate() {
            let above = tree.longest_at(*parent);
            if let Some(longest) = tree.longest.get_mut(node).filter(|longest| longest.some().is_none()) {
                *longest = above;
            }
        }
        for node in nodes {
            let parent = parents.get(node as usize).copied().unwrap_or_default();
            tree.shorter.push(tree.longest_at(parent));
        }
        tree
    }

    /// Finds the node of a spelling, and makes those on the way that are not there.
    fn grow(&mut self, spelling: &[u8], parents: &mut Vec<u32>) -> u32 {
        let Some((&first, rest)) = spelling.split_first() else { return 0 };
        let mut node = u32::from(first) + 1;
        for (at, &byte) in rest.iter().enumerate() {
            if let Some(next) = self.next.get(node, u32::from(byte)) {
                node = next;
                continue;
            }
            let next = parents.len() as u32;
            self.next.insert(node, u32::from(byte), next);
            parents.push(node);
            self.longest.push(Entry::default());
            node = next;
            let shortcut = match (at, spelling) {
                (0, [first, second, ..]) => self.pairs.get_mut(pair(*first, *second)),
                (1, [first @ 0xe0..=0xef, second, third, ..]) => {
                    self.characters.get_mut(character(*first, *second, *third))
                }
                _ => None,
            };
            if let Some(shortcut) = shortcut {
                *shortcut = node;
            }
        }
        node
    }

    /// Finds the longest token at the beginning of a text; none if it is empty.
    #[inline]
    pub(crate) fn longest(&self, text: &[u8]) -> Option<Entry> {
        let (mut node, rest) = self.begin(text)?;
        for &byte in rest {
            match self.next.get(node, u32::from(byte)) {
                Some(next) => node = next,
                None => break,
            }
        }
        self.longest_at(node).some()
    }

    /// Takes the first steps at once.
    #[inline]
    fn begin<'a>(&self, text: &'a [u8]) -> Option<(u32, &'a [u8])> {
        if let [first @ 0xe0..=0xef, second @ 0x80..=0xbf, third @ 0x80..=0xbf, rest @ ..] = text {
            let node = self.characters.get(character(*first, *second, *third)).copied().unwrap_or_default();
            if node != 0 {
                return Some((node, rest));
            }
        }
        if let [first, second, rest @ ..] = text {
            let node = self.pairs.get(pair(*first, *second)).copied().unwrap_or_default();
            // Where there was no shortcut over three bytes, the third leads nowhere; over two, the second.
            return Some(if node == 0 { (u32::from(*first) + 1, &[]) } else { (node, rest) });
        }
        text.first().map(|first| (u32::from(*first) + 1, [].as_slice()))
    }

    /// Finds the longest token that a token begins with, other than itself.
    #[inline]
    pub(crate) fn shorter(&self, token: u32) -> Option<Entry> {
        self.shorter.get(token as usize)?.some()
    }

    fn longest_at(&self, node: u32) -> Entry {
        self.longest.get(node as usize).copied().unwrap_or_default()
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

fn character(first: u8, second: u8, third: u8) -> usize {
    usize::from(first & 0x0f) << 12 | usize::from(second & 0x3f) << 6 | usize::from(third & 0x3f)
}
