//! Looks up the names that types, values and `extends` are written with. What a name means is decided as when the model
//! was made; what was reported there is passed over here.

use super::{Places, Written};
use crate::index::{DeclarationId, Index, Target, Use};
use crate::load::Unit;
use crate::lower::known;
use crate::lower::symbols::{Found, Pick, Symbols, base_type};
use crate::model::{DefKind, FileId, Model, Type, TypeId};
use crate::source::Span;
use crate::syntax::{Shape, TypeRef, Value, ValueKind};

/// Adds the uses to an index that has the declarations, and to those what they are of.
pub(super) fn fill(
    units: &[Unit],
    symbols: &Symbols,
    model: &Model,
    places: &Places,
    written: &[(FileId, Written<'_>)],
    index: &mut Index,
) {
    let mut looking = Looking { units, symbols, model, places, file: FileId(0), uses: Vec::new() };
    for unit in units {
        for (include, file) in unit.tree.includes.iter().zip(&unit.includes) {
            if let Some(included) = file.and_then(|id| units.get(id.0 as usize)) {
                looking.uses.push(Use { span: include.path.span, target: Target::File(included.source) });
            }
        }
    }
    for (file, written) in written {
        looking.file = *file;
        let (id, of) = match written {
            Written::Type(id, ty) => (*id, looking.ty(ty)),
            Written::Parent(id, parent) => (*id, looking.parent(&parent.text, parent.span)),
            Written::Value(ty, value) => {
                looking.value(Some(ty), value);
                continue;
            }
        };
        if let Some(declaration) = index.declarations.get_mut(id.0 as usize) {
            declaration.of = of;
        }
    }
    index.uses = looking.uses;
    index.uses.sort_by_key(|each| (each.span.source, each.span.start));
}

struct Looking<'a> {
    units: &'a [Unit],
    symbols: &'a Symbols,
    model: &'a Model,
    places: &'a Places,
    /// The file whose names are in force.
    file: FileId,
    uses: Vec<Use>,
}

impl Looking<'_> {
    /// The uses in a type, and the declaration it is, unless it is a list, set or map.
    fn ty(&mut self, written: &TypeRef) -> Option<DeclarationId> {
        match &written.shape {
            Shape::Named(name) => self.named(name, written.span),
            Shape::List(item) | Shape::Set(item) => {
                self.ty(item);
                None
            }
            Shape::Map(key, value) => {
                self.ty(key);
                self.ty(value);
                None
            }
        }
    }

    fn named(&mut self, name: &str, span: Span) -> Option<DeclarationId> {
        if base_type(name).is_some() {
            return None;
        }
        let places = self.places;
        self.top(name, span, |table| &table.types, |id| (id.file, places.types.get(&id).copied()))
    }

    fn parent(&mut self, name: &str, span: Span) -> Option<DeclarationId> {
        let places = self.places;
        self.top(name, span, |table| &table.services, |id| (id.file, places.services.get(&id).copied()))
    }

    /// The use of a name that is looked for in one of the tables, or among what could not be read.
    fn top<T: Copy>(
        &mut self,
        name: &str,
        span: Span,
        pick: Pick<T>,
        place: impl Fn(T) -> (FileId, Option<DeclarationId>),
    ) -> Option<DeclarationId> {
        let (file, id) = match self.symbols.find(self.file, name, pick) {
            Found::One(hit) => place(hit),
            Found::Several(_) => return None,
            Found::None { .. } => self.broken(name)?,
        };
        self.qualified(name, span, file, id?);
        id
    }

    /// The definition of this name that could not be read.
    fn broken(&self, name: &str) -> Option<(FileId, Option<DeclarationId>)> {
        let get =
            |file: FileId, name: &str| self.places.broken.get(&(file, name.to_owned())).map(|id| (file, Some(*id)));
        let included = self.units.get(self.file.0 as usize)?.includes.iter().flatten();
        get(self.file, name).or_else(|| {
            included.copied().find_map(|file| {
                get(file, name.strip_prefix(self.units.get(file.0 as usize)?.name.as_str())?.strip_prefix('.')?)
            })
        })
    }

    /// Notes the use of a declaration, and of its file where the name begins with that.
    fn qualified(&mut self, name: &str, span: Span, file: FileId, id: DeclarationId) {
        let mut own = span;
        if file != self.file
            && let Some(unit) = self.units.get(file.0 as usize)
            && name.len() > unit.name.len()
        {
            let dot = part(span, unit.name.len());
            self.uses.push(Use { span: Span { end: dot, ..span }, target: Target::File(unit.source) });
            own.start = dot + 1;
        }
        self.uses.push(Use { span: own, target: Target::Declaration(id) });
    }

    /// The uses in a value of a type, as far as that is known.
    fn value(&mut self, ty: Option<&Type>, value: &Value) {
        let model = self.model;
        let known = ty.and_then(|ty| known(model, ty));
        match (&value.kind, known) {
            (ValueKind::Name(name), _) => self.name(known, name, value.span),
            (ValueKind::List(items), _) => {
                let ty = match known {
                    Some(Type::List(item) | Type::Set(item)) => Some(&item.ty),
                    _ => None,
                };
                items.iter().for_each(|item| self.value(ty, item));
            }
            (ValueKind::Map(entries), Some(Type::Named(id))) if id.kind == DefKind::Struct => {
                for (key, value) in entries {
                    let ty = self.field(*id, key);
                    self.value(ty, value);
                }
            }
            (ValueKind::Map(entries), _) => {
                let (key_type, value_type) = match known {
                    Some(Type::Map(key, value)) => (Some(&key.ty), Some(&value.ty)),
                    _ => (None, None),
                };
                for (key, value) in entries {
                    self.value(key_type, key);
                    self.value(value_type, value);
                }
            }
            (ValueKind::Int(_) | ValueKind::Double(_) | ValueKind::Text(_), _) => {}
        }
    }

    /// The use of a field as a key, and the field's type.
    fn field<'m>(&mut self, id: TypeId, key: &Value) -> Option<&'m Type>
    where
        Self: 'm,
    {
        let (name, span) = match &key.kind {
            ValueKind::Name(name) => (name.clone(), key.span),
            ValueKind::Text(text) => {
                let within = Span { start: key.span.start + 1, end: key.span.end.saturating_sub(1), ..key.span };
                (String::from_utf8_lossy(text).into_owned(), within)
            }
            _ => return None,
        };
        let model = self.model;
        let fields = &model.structure(id)?.fields;
        let index = fields.iter().position(|field| field.name == name)?;
        // Where escapes were written, the text between the quotes is not the name.
        if (span.end - span.start) as usize == name.len() {
            self.member(id, index, span);
        }
        Some(&fields[index].ty)
    }

    /// The use of a name as a value.
    fn name(&mut self, known: Option<&Type>, name: &str, span: Span) {
        let wanted = known.and_then(|ty| self.enumeration(ty));
        let constant = self.symbols.find(self.file, name, |table| &table.consts);
        if let Found::One(id) = constant {
            let other = crate::lower::known(self.model, &self.model.constant(id).ty) != known;
            if let Some((owner, index)) = wanted.filter(|_| other).and_then(|owner| self.value_of(owner, name)) {
                return self.member(owner, index, span);
            }
            if let Some(place) = self.places.consts.get(&id) {
                self.qualified(name, span, id.file, *place);
            }
            return;
        }
        if let Some((owner, index)) = wanted.and_then(|owner| self.value_of(owner, name)) {
            return self.member(owner, index, span);
        }
        let Some((owner, value)) = name.rsplit_once('.') else { return };
        let (owner_span, value_span) =
            (Span { end: part(span, owner.len()), ..span }, Span { start: part(span, owner.len() + 1), ..span });
        let declared = match self.symbols.find(self.file, owner, |table| &table.types) {
            Found::One(id) => self.enumeration(&Type::Named(id)),
            _ => None,
        };
        self.named(owner, owner_span);
        // Thrift looks only at the last part of the name, and only in the enum that is wanted.
        let value = wanted.and_then(|wanted| self.value_of(wanted, value));
        let value = value.or_else(|| self.value_of(declared?, name.rsplit('.').next()?));
        if let Some((owner, index)) = value {
            self.member(owner, index, value_span);
        }
    }

    fn enumeration(&self, ty: &Type) -> Option<TypeId> {
        match known(self.model, ty)? {
            Type::Named(id) if id.kind == DefKind::Enum => Some(*id),
            _ => None,
        }
    }

    fn value_of(&self, id: TypeId, name: &str) -> Option<(TypeId, usize)> {
        let values = &self.model.enumeration(id)?.values;
        Some((id, values.iter().position(|value| value.name == name)?))
    }

    /// The use of a field or enum value. Members stand right behind what they belong to.
    fn member(&mut self, owner: TypeId, index: usize, span: Span) {
        if let Some(DeclarationId(owner)) = self.places.types.get(&owner) {
            let id = DeclarationId(owner + 1 + u32::try_from(index).unwrap_or(u32::MAX));
            self.uses.push(Use { span, target: Target::Declaration(id) });
        }
    }
}

/// A number of bytes into a span.
fn part(span: Span, bytes: usize) -> u32 {
    span.start.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX))
}
