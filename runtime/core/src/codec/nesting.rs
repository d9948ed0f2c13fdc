//! Where in a message a value stands, for protocols that mark the ends of things.
//!
//! Thrift's calls announce a list with its count and say nothing at its end, so the ends are found by counting. The readers and
//! writers that need them share the counting.

/// What ends with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The message whose body it was.
    Message,
    /// The field whose value it was.
    Field,
    /// The list whose last element it was, which is a value itself.
    List,
    /// The same of a set.
    Set,
    /// The same of a map.
    Map,
}

impl End {
    /// Whether a value ends, after which more may.
    pub(crate) fn is_value(self) -> bool {
        matches!(self, End::List | End::Set | End::Map)
    }
}

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
    List { left: usize, end: End },
    /// A map that still lacks `left` keys and values of its `all`.
    Map { left: usize, all: usize },
}

/// The places around a value, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Nesting(Vec<Place>);

impl Nesting {
    pub(crate) fn message(&mut self) {
        self.0.push(Place::Message);
    }

    pub(crate) fn structure(&mut self) {
        self.0.push(Place::Struct { first: true });
    }

    /// Enters a list or set, which has elements.
    pub(crate) fn list(&mut self, count: usize, end: End) {
        self.0.push(Place::List { left: count, end });
    }

    pub(crate) fn map(&mut self, count: usize) {
        let all = count.saturating_mul(2);
        self.0.push(Place::Map { left: all, all });
    }

    /// Enters the next field of the struct at hand: what stands before it.
    pub(crate) fn field(&mut self) -> Option<u8> {
        let before = self.between_fields();
        if let Some(Place::Struct { first }) = self.0.last_mut() {
            *first = false;
        }
        self.0.push(Place::Field);
        before
    }

    /// What stands before a further field.
    pub(crate) fn between_fields(&self) -> Option<u8> {
        matches!(self.0.last(), Some(Place::Struct { first: false })).then_some(b',')
    }

    /// Leaves the struct at hand.
    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    /// What stands before a value.
    pub(crate) fn before(&self) -> Option<u8> {
        match self.0.last() {
            Some(Place::List { .. }) => Some(b','),
            Some(Place::Map { left, .. }) if left % 2 == 1 => Some(b':'),
            Some(Place::Map { left, all }) if left < all => Some(b','),
            _ => None,
        }
    }

    /// Whether the value at hand is the key of a map, in which a number wears quotes.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.0.last(), Some(Place::Map { left, .. }) if left % 2 == 0)
    }

    /// Ends a value, and with it perhaps something around it.
    pub(crate) fn after(&mut self) -> Option<End> {
        let end = match self.0.last_mut()? {
            Place::Message => End::Message,
            Place::Field => End::Field,
            Place::List { left, end } => {
                *left = left.saturating_sub(1);
                if *left > 0 {
                    return None;
                }
                *end
            }
            Place::Map { left, .. } => {
                *left = left.saturating_sub(1);
                if *left > 0 {
                    return None;
                }
                End::Map
            }
            Place::Struct { .. } => return None,
        };
        self.0.pop();
        Some(end)
    }
}
