//! Enums: a number with names for some of its values, so that one from a newer peer is kept.

use thriftwood_idl::model::{Enum, EnumValue};

use super::layout::Expr;
use super::module::Module;
use super::names::{Taken, screaming};
use super::numbers::number;
use super::writer::Writer;

/// The constant for each value, in order.
pub(crate) fn value_idents(def: &Enum) -> Vec<String> {
    let mut taken = Taken::default();
    def.values.iter().map(|value| taken.give(&screaming(&value.name))).collect()
}

pub(crate) fn enumeration(w: &mut Writer, m: &Module<'_>, name: &str, def: &Enum) {
    let idents = value_idents(def);
    declare(w, m, name, def);
    constants(w, m, name, def, &idents);
    default(w, m, name, idents.first());
    debug(w, name);
    codec(w, m, name);
    super::apache::bridge(w, m, name);
}

fn declare(w: &mut Writer, m: &Module<'_>, name: &str, def: &Enum) {
    w.item();
    if let Some(doc) = &def.doc {
        w.idl_doc(Some(doc));
        w.line("///");
    }
    w.doc("Numbers without a name, from a newer peer, are kept as they are.");
    let own = vec!["Clone", "Copy", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash"];
    super::structs::derive(w, m, own, &def.annotations);
    w.line(format!("pub struct {name}(pub i32);"));
}

fn constants(w: &mut Writer, m: &Module<'_>, name: &str, def: &Enum, idents: &[String]) {
    let mut taken = Taken::default();
    for ident in idents {
        taken.give(ident);
    }
    let all = taken.give("ALL");
    w.item();
    w.impl_block(format!("impl {name}"), |w| {
        for (value, ident) in def.values.iter().zip(idents) {
            value_doc(w, value);
            let number = Expr::call(name, [Expr::text(number(value.number.into()))]);
            w.assign(&format!("pub const {ident}: {name} ="), &number, ";");
        }
        w.item();
        w.doc("Every named value, in the order of the IDL.");
        let values = idents.iter().map(|ident| Expr::text(format!("{name}::{ident}"))).collect();
        w.assign(&format!("pub const {all}: &'static [{name}] ="), &Expr::Array("&", values), ";");
        w.item();
        w.doc("The name in the IDL; `None` for a number without one.");
        let option = m.std("Option");
        w.function("pub fn name", &["self".to_owned()], &format!("{option}<&'static str>"), |w| {
            let named = first_of_each_number(def, idents);
            if named.is_empty() {
                return w.line("None");
            }
            w.block("match self", |w| {
                for (value, ident) in named {
                    let text = Expr::call("Some", [Expr::text(format!("{:?}", value.name))]);
                    w.arm(&format!("{name}::{ident}"), &text);
                }
                w.line("_ => None,");
            });
        });
    });
}

/// What the IDL says of a value, or at least its line there.
fn value_doc(w: &mut Writer, value: &EnumValue) {
    match &value.doc {
        Some(doc) => w.idl_doc(Some(doc)),
        None => w.doc(format!("`{} = {}`", value.name, value.number)),
    }
    deprecated(w, value.annotations.get("deprecated"));
}

/// Two names may share a number; the first one is its name.
fn first_of_each_number<'a>(def: &'a Enum, idents: &'a [String]) -> Vec<(&'a EnumValue, &'a String)> {
    let mut seen = std::collections::BTreeSet::new();
    def.values.iter().zip(idents).filter(|(value, _)| seen.insert(value.number)).collect()
}

fn default(w: &mut Writer, m: &Module<'_>, name: &str, first: Option<&String>) {
    w.item();
    w.doc(if first.is_some() { "The first value of the IDL." } else { "Zero, since the IDL names no value." });
    w.impl_block(format!("impl {} for {name}", m.std("Default")), |w| {
        w.block("fn default() -> Self", |w| match first {
            Some(first) => w.line(format!("{name}::{first}")),
            None => w.line(format!("{name}(0)")),
        });
    });
}

fn debug(w: &mut Writer, name: &str) {
    w.item();
    w.impl_block(format!("impl ::std::fmt::Debug for {name}"), |w| {
        w.block("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result", |w| {
            w.block("match self.name()", |w| {
                w.line("Some(name) => f.write_str(name),");
                w.line(format!("None => write!(f, \"{name}({{}})\", self.0),"));
            });
        });
    });
}

fn codec(w: &mut Writer, m: &Module<'_>, name: &str) {
    let (wire, ttype, writer) = (m.rt("codec", "Wire"), m.rt("codec", "TType"), m.rt("codec", "Writer"));
    let (reader, error) = (m.rt("codec", "Reader"), m.rt("codec", "DecodeError"));
    w.item();
    w.impl_block(format!("impl {wire} for {name}"), |w| {
        w.line(format!("const TYPE: {ttype} = {ttype}::I32;"));
        w.item();
        w.block(format!("fn encode<W: {writer}>(&self, w: &mut W)"), |w| w.line("w.write_i32(self.0);"));
        w.item();
        let result = m.std("Result");
        w.block(format!("fn decode<R: {reader}>(r: &mut R) -> {result}<Self, {error}>"), |w| {
            w.line(format!("r.read_i32().map({name})"));
        });
    });
}

/// `#[deprecated = ".."]`, where the IDL says so.
pub(crate) fn deprecated(w: &mut Writer, text: Option<&str>) {
    match text {
        None => {}
        Some("") => w.line("#[deprecated]"),
        Some(text) => w.line(format!("#[deprecated = {text:?}]")),
    }
}
