//! Finds the longest token that a text begins with.

use crate::pairs::Pairs;
use crate::words::Spellings;

/// All tokens as a tree of bytes.
#[derive(Debug)]
pub(crate) struct Prefixes {
    /// The node after two bytes, by both.
    roots: Vec<u32>,
    /// The node after a node and a byte.
    next: Pairs,
    /// The longest token on the way to each node.
    longest: Vec<u32>,
    /// The longest token that another one begins with.
    shorter: Vec<u32>,
}

/// No token, or no node.
const NONE: u32 = u32::MAX;

impl Prefixes {
    pub(crate) fn empty() -> Self {
        Self { roots: Vec::new(), next: Pairs::new(1), longest: Vec::new(), shorter: Vec::new() }
    }

    pub(crate) fn new(spellings: &Spellings) -> Self {
        let mut tree = Self {
            roots: vec![NONE; 1 << 16],
            next: Pairs::new(spellings.len() * 2),
            longest: vec![NONE; 256],
            shorter: vec![NONE; spellings.len() as usize],
        };
        // The first 256 nodes are those after one byte.
        let mut parents = vec![NONE; 256];
        let mut nodes = Vec::with_capacity(spellings.len() as usize);
        for token in 0..spellings.len() {
            let spelling = spellings.of(token);
            let mut node = spelling.first().copied().map_or(0, u32::from);
            for &byte in spelling.iter().skip(1) {
                node = match tree.next.get(node, u32::from(byte)) {
                    Some(next) => next,
                    None => {
                        let next = parents.len() as u32;
                        tree.next.insert(node, u32::from(byte), next);
                        parents.push(node);
                        tree.longest.push(NONE);
                        next
                    }
                };
            }
            if let Some(longest) = tree.longest.get_mut(node as usize) {
                *longest = token;
            }
            nodes.push(node);
        }
        // A parent comes before its children, so one pass hands tokens down.
        for (node, parent) in parents.iter().enumerate() {
            let above = tree.longest_at(*parent);
            if let Some(longest) = tree.longest.get_mut(node).filter(|longest| **longest == NONE) {
                *longest = above;
            }
        }
        for (token, node) in nodes.iter().enumerate() {
            let parent = parents.get(*node as usize).copied().unwrap_or(NONE);
            let above = tree.longest_at(parent);
            if let Some(shorter) = tree.shorter.get_mut(token) {
                *shorter = above;
            }
        }
        for first in 0..256_u32 {
            for second in 0..256_u32 {
                if let (Some(node), Some(root)) = (tree.next.get(first, second), tree.roots.get_mut((first << 8 | second) as usize)) {
                    *root = node;
                }
            }
        }
        tree
    }

    /// Finds the longest token at the beginning of a text; none if it is empty.
    #[inline]
    pub(crate) fn longest(&self, text: &[u8]) -> Option<u32> {
        let (&first, rest) = text.split_first()?;
        let mut node = u32::from(first);
        if let Some((&second, rest)) = rest.split_first() {
            let root = self.roots.get(usize::from(first) << 8 | usize::from(second)).copied()?;
            if root != NONE {
                node = root;
                for &byte in rest {
                    match self.next.get(node, u32::from(byte)) {
                        Some(next) => node = next,
                        None => break,
                    }
                }
            }
        }
        Some(self.longest_at(node))
    }

    /// Finds the longest token that a token begins with, other than itself.
    #[inline]
    pub(crate) fn shorter(&self, token: u32) -> Option<u32> {
        self.shorter.get(token as usize).copied().filter(|shorter| *shorter != NONE)
    }

    fn longest_at(&self, node: u32) -> u32 {
        self.longest.get(node as usize).copied().unwrap_or(NONE)
    }
}
