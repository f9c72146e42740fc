//! The tree of messages and the one branch of it that is shown.
//!
//! Invariant: the path goes from the oldest loaded ancestor of the leaf down to the leaf. It is computed when the shape
//! changes and read for free. Which alternative was last looked at is remembered per parent, so walking back returns.

use crate::wire::id::{MessageId, Seq};
use std::collections::HashMap;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    parents: HashMap<MessageId, Option<MessageId>>,
    children: HashMap<Option<MessageId>, Vec<(Seq, MessageId)>>,
    chosen: HashMap<Option<MessageId>, MessageId>,
    newest: Option<(Seq, MessageId)>,
    path: Vec<MessageId>,
}

impl Tree {
    /// Adds a node; a node that is here already stays where it is.
    pub fn insert(&mut self, id: MessageId, parent: Option<MessageId>, position: Seq) {
        if self.parents.insert(id, parent).is_some() {
            return;
        }
        let siblings = self.children.entry(parent).or_default();
        let at = siblings.partition_point(|entry| *entry < (position, id));
        siblings.insert(at, (position, id));
        self.newest = self.newest.max(Some((position, id)));
    }

    /// The shown branch, oldest first.
    pub fn path(&self) -> &[MessageId] {
        &self.path
    }

    /// Shows the branch that ends in `leaf`, or in the newest message if that is not here.
    pub fn show(&mut self, leaf: Option<MessageId>) {
        let leaf = leaf.filter(|id| self.parents.contains_key(id)).or(self.newest.map(|(_, id)| id));
        if let Some(leaf) = leaf {
            self.show_through(leaf);
        }
    }

    /// Shows the branch through `node`, down to the leaf that was last looked at below it.
    pub fn show_through(&mut self, node: MessageId) {
        self.climb(self.descend(node));
    }

    /// Computes the path again after nodes were added above or below.
    pub fn refresh(&mut self) {
        if let Some(leaf) = self.path.last().copied() {
            self.climb(leaf);
        }
    }

    /// Place among the alternatives, and their number.
    pub fn branch(&self, id: MessageId) -> (usize, usize) {
        let siblings = self.siblings(id);
        (siblings.iter().position(|other| *other == id).unwrap_or(0), siblings.len().max(1))
    }

    /// A message and its alternatives, in order.
    pub fn siblings(&self, id: MessageId) -> Vec<MessageId> {
        let parent = self.parents.get(&id).copied().flatten();
        self.children.get(&parent).map(|list| list.iter().map(|(_, id)| *id).collect()).unwrap_or_default()
    }

    /// Shows the alternative `step` places from `id`; whether there is one.
    pub fn walk(&mut self, id: MessageId, step: isize) -> bool {
        let siblings = self.siblings(id);
        let (at, _) = self.branch(id);
        let Some(target) = at.checked_add_signed(step).and_then(|at| siblings.get(at)) else { return false };
        self.show_through(*target);
        true
    }

    /// The leaf to name when writing; `None` while it is the newest message of all, so that people who write at the
    /// same moment follow one another instead of making branches.
    pub fn explicit_leaf(&self) -> Option<MessageId> {
        self.path.last().copied().filter(|leaf| self.newest.is_some_and(|(_, newest)| newest != *leaf))
    }

    fn descend(&self, mut node: MessageId) -> MessageId {
        while let Some(children) = self.children.get(&Some(node)) {
            let remembered = self.chosen.get(&Some(node)).copied();
            match remembered.or(children.last().map(|(_, id)| *id)) {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    fn climb(&mut self, leaf: MessageId) {
        self.path.clear();
        let mut at = Some(leaf);
        while let Some(node) = at.filter(|node| self.parents.contains_key(node)) {
            self.path.push(node);
            let parent = self.parents.get(&node).copied().flatten();
            self.chosen.insert(parent, node);
            at = parent;
        }
        self.path.reverse();
    }
}
