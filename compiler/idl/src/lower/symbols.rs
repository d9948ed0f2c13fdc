//! What each file declares, and how a name in one file finds what another declares.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::names::unique;
use crate::diagnostics::{Diagnostic, nearest};
use crate::load::Unit;
use crate::model::{BaseType, ConstId, DefKind, FileId, ServiceId, TypeId};
use crate::syntax::{Body, Definition, Name};

/// The names of all files.
pub(super) struct Symbols {
    tables: Vec<Table>,
    /// Suggestions compare a name with all others, so only so many are made.
    suggestions: Cell<u32>,
    /// Which files found something in which included ones.
    used: RefCell<HashSet<(FileId, FileId)>>,
}

/// The names of one file.
#[derive(Default)]
pub(super) struct Table {
    pub(super) types: HashMap<String, TypeId>,
    pub(super) consts: HashMap<String, ConstId>,
    pub(super) services: HashMap<String, ServiceId>,
    includes: Vec<(String, FileId)>,
    /// The names by which files are included that could not be read.
    unread: Vec<String>,
    whole: bool,
}

/// What looking for a name gave.
pub(super) enum Found<T> {
    One(T),
    /// Several included files of one name have it.
    Several(Vec<FileId>),
    /// It is nowhere. `sure` unless a file that might have it could not be read.
    None {
        sure: bool,
    },
}

/// Which names of a table.
pub(super) type Pick<T> = fn(&Table) -> &HashMap<String, T>;

impl Symbols {
    /// Collects the names, and reports those given twice.
    pub(super) fn collect(units: &[Unit], found: &mut Vec<Diagnostic>) -> Self {
        let tables =
            units.iter().zip(0..).map(|(unit, file)| Table::new(unit, FileId(file), found)).collect::<Vec<_>>();
        let tables = tables.into_iter().zip(units);
        let tables = tables.map(|(table, unit)| table.with_includes(unit, units)).collect();
        Self { tables, suggestions: Cell::new(50), used: RefCell::default() }
    }

    /// Looks for a name as seen from a file: first as it stands, then as one of an included file.
    pub(super) fn find<T: Copy>(&self, file: FileId, name: &str, pick: Pick<T>) -> Found<T> {
        let Some(table) = self.table(file) else { return Found::None { sure: false } };
        if let Some(hit) = pick(table).get(name) {
            return Found::One(*hit);
        }
        let mut hits: Vec<(FileId, T)> = Vec::new();
        let mut sure = table.whole && !table.unread.iter().any(|include| within(name, include).is_some());
        for (include, id) in &table.includes {
            let Some((rest, included)) = within(name, include).zip(self.table(*id)) else { continue };
            let hit = pick(included).get(rest);
            if hit.is_some() {
                self.used.borrow_mut().insert((file, *id));
            }
            match hit {
                Some(hit) if !hits.iter().any(|(file, _)| file == id) => hits.push((*id, *hit)),
                Some(_) => {}
                None => sure &= included.whole,
            }
        }
        match hits.as_slice() {
            [] => Found::None { sure },
            [(_, hit)] => Found::One(*hit),
            several => Found::Several(several.iter().map(|(file, _)| *file).collect()),
        }
    }

    /// The name that was probably meant, as it has to be written in this file.
    pub(super) fn suggest<T>(&self, file: FileId, name: &str, pick: Pick<T>, more: &[&str]) -> Option<String> {
        self.suggestions.set(self.suggestions.get().checked_sub(1)?);
        let table = self.table(file)?;
        let mut names: Vec<String> = pick(table).keys().cloned().collect();
        for (include, id) in &table.includes {
            let Some(included) = self.table(*id) else { continue };
            if pick(included).contains_key(name) {
                return Some(format!("{include}.{name}"));
            }
            names.extend(pick(included).keys().map(|name| format!("{include}.{name}")));
        }
        names.sort_unstable();
        nearest(name, names.iter().map(String::as_str).chain(more.iter().copied())).map(str::to_owned)
    }

    /// Whether a name in `file` was found in `included`.
    pub(super) fn uses(&self, file: FileId, included: FileId) -> bool {
        self.used.borrow().contains(&(file, included))
    }

    /// Whether a file includes another by this name.
    pub(super) fn includes(&self, file: FileId, name: &str) -> bool {
        self.table(file).is_some_and(|table| table.includes.iter().any(|(include, _)| include == name))
    }

    fn table(&self, file: FileId) -> Option<&Table> {
        self.tables.get(file.0 as usize)
    }
}

/// What follows `include.` in a name. Both may contain dots, so the name cannot simply be split.
fn within<'n>(name: &'n str, include: &str) -> Option<&'n str> {
    name.strip_prefix(include)?.strip_prefix('.')
}

impl Table {
    fn new(unit: &Unit, file: FileId, found: &mut Vec<Diagnostic>) -> Self {
        let mut table = Table { whole: unit.whole, ..Table::default() };
        let [mut typedefs, mut enums, mut structs, mut consts, mut services] = [0; 5];
        let next = |counter: &mut u32| std::mem::replace(counter, *counter + 1);
        for Definition { name, body, .. } in &unit.tree.definitions {
            let name = name.text.clone();
            let mut declare = |kind, counter| {
                let id = TypeId { file, kind, index: next(counter) };
                table.types.entry(name.clone()).or_insert(id);
            };
            match body {
                Body::Typedef { .. } => declare(DefKind::Typedef, &mut typedefs),
                Body::Enum { .. } => declare(DefKind::Enum, &mut enums),
                Body::Struct { .. } => declare(DefKind::Struct, &mut structs),
                Body::Const { .. } => {
                    table.consts.entry(name).or_insert(ConstId { file, index: next(&mut consts) });
                }
                Body::Service { .. } => {
                    table.services.entry(name).or_insert(ServiceId { file, index: next(&mut services) });
                }
                Body::Scope { .. } => {}
            }
        }
        let named = |wanted: fn(&Body) -> bool| {
            unit.tree.definitions.iter().filter(move |each| wanted(&each.body)).map(|each| &each.name)
        };
        let is_type = |body: &Body| matches!(body, Body::Typedef { .. } | Body::Enum { .. } | Body::Struct { .. });
        unique("type", named(is_type), Name::same, found);
        unique("constant", named(|body| matches!(body, Body::Const { .. })), Name::same, found);
        unique("service", named(|body| matches!(body, Body::Service { .. })), Name::same, found);
        unique("scope", named(|body| matches!(body, Body::Scope { .. })), Name::upper_first, found);
        table
    }

    fn with_includes(mut self, unit: &Unit, units: &[Unit]) -> Self {
        for (written, file) in unit.tree.includes.iter().zip(&unit.includes) {
            match file.and_then(|id| Some((id, units.get(id.0 as usize)?))) {
                Some((id, included)) => self.includes.push((included.name.clone(), id)),
                None => {
                    let file = written.path.text.rsplit(['/', '\\']).next().unwrap_or_default();
                    let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
                    self.unread.push(name.to_owned());
                }
            }
        }
        self
    }
}

/// The type Thrift itself has under this name. `uuid` and `slist` are left out: files older than the first and younger
/// than the second declare types of that name.
pub(super) fn base_type(name: &str) -> Option<BaseType> {
    Some(match name {
        "bool" => BaseType::Bool,
        "byte" | "i8" => BaseType::I8,
        "i16" => BaseType::I16,
        "i32" => BaseType::I32,
        "i64" => BaseType::I64,
        "double" => BaseType::Double,
        "string" => BaseType::String,
        "binary" => BaseType::Binary,
        _ => return None,
    })
}
