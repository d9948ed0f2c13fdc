//! Typedefs as aliases, and constants.

use thriftwood_idl::model::{BaseType, Const, Type, Typedef};

use super::error::GenerateError;
use super::layout::Expr;
use super::module::Module;
use super::newtypes::{is_newtype, is_wrapped, newtype};
use super::values::{Place, byte_string, is_plain, owned};
use super::writer::Writer;

/// `pub type Asin = String;`
pub(crate) fn typedef(w: &mut Writer, m: &Module<'_>, name: &str, def: &Typedef) {
    if is_newtype(def) {
        return newtype(w, m, name, def);
    }
    w.item();
    w.idl_doc(def.doc.as_ref());
    w.assign(&format!("pub type {name} ="), &Expr::text(m.ty(&def.target, false)), ";");
}

/// A `const` where Rust can have one, else a `static` that is made when it is first used.
pub(crate) fn constant(w: &mut Writer, m: &Module<'_>, name: &str, def: &Const) -> Result<(), GenerateError> {
    use thriftwood_idl::model::ConstValue;
    w.item();
    w.idl_doc(def.doc.as_ref());
    let place = Place { span: def.span, key: false };
    let borrowed = if is_wrapped(m.model(), &def.ty) { &def.ty } else { m.model().resolve(&def.ty) };
    let (ty, value) = match (borrowed, &def.value) {
        (Type::Base(BaseType::String), ConstValue::String(text)) => {
            ("&str".to_owned(), Expr::text(format!("{text:?}")))
        }
        (Type::Base(BaseType::String), ConstValue::Const(id)) => ("&str".to_owned(), Expr::text(m.constant(*id))),
        (Type::Base(BaseType::Binary), ConstValue::Binary(bytes)) => {
            ("&[u8]".to_owned(), Expr::text(byte_string(bytes)))
        }
        (Type::Base(BaseType::Binary), ConstValue::Const(id)) => ("&[u8]".to_owned(), Expr::text(m.constant(*id))),
        _ => (m.ty(&def.ty, false), owned(m, &def.ty, &def.value, place)?),
    };
    if is_plain(m.model(), &def.ty) {
        w.assign(&format!("pub const {name}: {ty} ="), &value, ";");
    } else {
        let lazy = m.imported("::std::sync", "LazyLock");
        let value = Expr::call(format!("{lazy}::new"), [Expr::closure(value)]);
        let declared = w.typed(&format!("pub static {name}: "), &format!("{lazy}<{ty}>"), " =".len());
        match declared.rsplit_once('\n') {
            None => w.assign(&format!("{declared} ="), &value, ";"),
            Some((first, last)) => {
                w.line(first);
                w.assign(&format!("{} =", last.trim_start()), &value, ";");
            }
        }
    }
    Ok(())
}
