//! Fields, arguments and `throws` entries: their ids and whether they must be there.

use std::collections::HashMap;

use super::definitions::Declaring;
use super::names::unique;
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Field, FileKind, Requiredness, StructKind};
use crate::source::Span;
use crate::syntax::{self, Name, Presence};

/// What a list of fields is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Struct(StructKind),
    Args,
    Throws,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Struct(_) => "field",
            Role::Args => "argument",
            Role::Throws => "exception",
        }
    }

    fn requiredness(self, presence: Presence) -> Requiredness {
        match (self, presence) {
            (Role::Struct(StructKind::Union) | Role::Throws, _) => Requiredness::Optional,
            // An argument is always sent, as Thrift and Frugal have it.
            (Role::Args, Presence::Optional) => Requiredness::Default,
            (_, Presence::Optional) => Requiredness::Optional,
            (_, Presence::Required) => Requiredness::Required,
            (_, Presence::Unsaid) => Requiredness::Default,
        }
    }
}

impl Declaring<'_> {
    /// The fields of `owner`, without their default values.
    pub(super) fn fields(&mut self, owner: &Name, fields: &[syntax::Field], role: Role) -> Vec<Field> {
        unique(role.word(), fields.iter().map(|field| &field.name), Name::same, self.found);
        let ids = self.ids(owner, fields, role);
        let lowered = fields.iter().zip(ids).map(|(field, id)| Field {
            id,
            name: field.name.text.clone(),
            span: field.name.span,
            doc: field.doc.clone(),
            requiredness: role.requiredness(field.presence),
            ty: self.ty(&field.ty),
            default: None,
            annotations: field.annotations.clone(),
        });
        lowered.collect()
    }

    /// The ids that travel. Where none is written it is counted downwards from -1; and so it is for Thrift, but not for
    /// Frugal, where one is written that is not positive.
    fn ids(&mut self, owner: &Name, fields: &[syntax::Field], role: Role) -> Vec<i16> {
        let mut next: i16 = -1;
        let mut counted: Vec<(&syntax::Field, i16)> = Vec::new();
        let mut ids = Vec::with_capacity(fields.len());
        for field in fields {
            let written = field.id.filter(|(id, _)| *id > 0 || self.unit.kind == FileKind::Frugal);
            let id = match written {
                Some((id, span)) => i16::try_from(id).unwrap_or_else(|_| self.no_id(field, id, span)),
                None => {
                    let id = next;
                    match next.checked_sub(1) {
                        Some(below) => next = below,
                        None => {
                            self.no_id(field, i64::from(next) - 1, field.name.span);
                        }
                    }
                    if field.id.is_none_or(|(written, _)| written != i64::from(id)) {
                        counted.push((field, id));
                    }
                    id
                }
            };
            ids.push(id);
        }
        self.distinct(fields, &ids, role);
        self.counted(owner, &counted, role);
        ids
    }

    fn no_id(&mut self, field: &syntax::Field, id: i64, span: Span) -> i16 {
        let message = format!("the id of `{}` does not fit 16 bits", field.name.text);
        let help = format!("ids lie between 1 and {}", i16::MAX);
        self.found.push(Diagnostic::new(Code::OutOfRange, span, message).here(format!("this is {id}")).help(help));
        0
    }

    fn distinct(&mut self, fields: &[syntax::Field], ids: &[i16], role: Role) {
        let mut first: HashMap<i16, Span> = HashMap::new();
        for (field, id) in fields.iter().zip(ids) {
            let in_range = field.id.is_none_or(|(written, _)| i16::try_from(written).is_ok());
            let span = field.id.map_or(field.name.span, |(_, span)| span);
            if !in_range {
                continue;
            }
            if let Some(before) = first.get(id) {
                let message = format!("two {}s have the id {id}", role.word());
                let found = Diagnostic::new(Code::DuplicateFieldId, span, message)
                    .here(format!("`{}` has it again", field.name.text))
                    .also(*before, "first here");
                let free = (1..=i16::MAX).find(|free| !ids.contains(free));
                self.found.push(match free {
                    Some(free) => found.help(format!("{free} is free")),
                    None => found,
                });
            } else {
                first.insert(*id, span);
            }
        }
    }

    fn counted(&mut self, owner: &Name, counted: &[(&syntax::Field, i16)], role: Role) {
        let Some((first, id)) = counted.first() else { return };
        let word = role.word();
        let (message, help) = match first.id {
            None => (
                format!("{} of the {word}s of `{}` have no id", counted.len(), owner.text),
                "they are counted in order, so that a peer misreads them when one is added or moved; write `1:`, `2:`, ..",
            ),
            Some((written, _)) => (
                format!("the id {written} in `{}` is not positive, and Thrift replaces it", owner.text),
                "write a positive id, and all peers agree",
            ),
        };
        let message = match (counted.len(), first.id) {
            (1, None) => format!("the {word} `{}` of `{}` has no id", first.name.text, owner.text),
            _ => message,
        };
        let found = Diagnostic::new(Code::MissingFieldId, first.name.span, message);
        self.found.push(found.here(format!("`{}` travels as {id}", first.name.text)).help(help));
    }
}
