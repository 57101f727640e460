//! Dense numbers for texts: the first text seen is 1, the next 2; 0 is none.

use std::collections::HashMap;
use std::sync::Arc;

/// Texts and their numbers; it only grows, so that a number means the same for good.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number of a text, a new one if it is new.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    /// The number of a text, if it has one.
    pub fn get(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number; `None` for 0.
    pub fn text(&self, number: u32) -> Option<&Arc<str>> {
        self.texts.get((number as usize).checked_sub(1)?)
    }

    /// Numbers in use, 0 among them.
    pub fn len(&self) -> usize {
        self.texts.len() + 1
    }

    /// Whether no text has a number.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}
