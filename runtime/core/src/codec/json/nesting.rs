//! Where in the JSON a value stands, which decides what is put before it and after it.
//!
//! Thrift's calls announce a list with its count and say nothing at its end, so the brackets that close are found by
//! counting. Reader and writer share the counting.

/// What the value at hand is part of.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The body of a message.
    Message,
    /// A struct, between two of its fields.
    Struct { first: bool },
    /// A field, up to the end of its value.
    Field,
    /// A list or set that still lacks `left` elements.
    List { left: usize },
    /// A map that still lacks `left` keys and values of its `all`.
    Map { left: usize, all: usize },
}

/// The places around a value, outermost first.
#[derive(Debug, Default)]
pub(super) struct Nesting(Vec<Place>);

impl Nesting {
    pub(super) fn message(&mut self) {
        self.0.push(Place::Message);
    }

    pub(super) fn structure(&mut self) {
        self.0.push(Place::Struct { first: true });
    }

    pub(super) fn list(&mut self, count: usize) {
        self.0.push(Place::List { left: count });
    }

    pub(super) fn map(&mut self, count: usize) {
        let all = count.saturating_mul(2);
        self.0.push(Place::Map { left: all, all });
    }

    /// Enters the next field of the struct at hand: what stands before it.
    pub(super) fn field(&mut self) -> Option<u8> {
        let before = self.between_fields();
        if let Some(Place::Struct { first }) = self.0.last_mut() {
            *first = false;
        }
        self.0.push(Place::Field);
        before
    }

    /// What stands before a further field.
    pub(super) fn between_fields(&self) -> Option<u8> {
        matches!(self.0.last(), Some(Place::Struct { first: false })).then_some(b',')
    }

    /// Leaves the struct at hand.
    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// What stands before a value.
    pub(super) fn before(&self) -> Option<u8> {
        match self.0.last() {
            Some(Place::List { .. }) => Some(b','),
            Some(Place::Map { left, .. }) if left % 2 == 1 => Some(b':'),
            Some(Place::Map { left, all }) if left < all => Some(b','),
            _ => None,
        }
    }

    /// Whether the value at hand is the key of a map, in which a number wears quotes.
    pub(super) fn is_key(&self) -> bool {
        matches!(self.0.last(), Some(Place::Map { left, .. }) if left % 2 == 0)
    }

    /// Ends a value: what stands behind it, and whether that ends the container around it, which is a value too.
    pub(super) fn after(&mut self) -> Option<(&'static str, bool)> {
        match self.0.last_mut()? {
            Place::Message => self.close("]", false),
            Place::Field => self.close("}", false),
            Place::List { left } => {
                *left = left.saturating_sub(1);
                if *left == 0 { self.close("]", true) } else { None }
            }
            Place::Map { left, .. } => {
                *left = left.saturating_sub(1);
                if *left == 0 { self.close("}]", true) } else { None }
            }
            Place::Struct { .. } => None,
        }
    }

    fn close(&mut self, brackets: &'static str, of_value: bool) -> Option<(&'static str, bool)> {
        self.0.pop();
        Some((brackets, of_value))
    }
}
