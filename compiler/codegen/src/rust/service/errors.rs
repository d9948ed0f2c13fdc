//! One error for each method that declares exceptions: those, or whatever else kept the result from coming.

use super::{FunctionForm, ServiceForm};
use crate::rust::layout::Expr;
use crate::rust::module::Module;
use crate::rust::writer::Writer;

pub(super) fn method_errors(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    for function in &form.functions {
        if let Some(name) = &function.error {
            method_error(w, m, function, name);
        }
    }
}

fn method_error(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>, name: &str) {
    let rpc = m.rt("", "RpcError");
    let variants = function.error_variants(m);
    let thrown: Vec<_> = function.def.thrown().map(|(field, id)| (field, id, m.named(id))).collect();
    w.item();
    w.doc(format!("Why `{}` has no result.", function.def.name));
    w.attribute("derive", &["Debug"]);
    w.line("#[non_exhaustive]");
    w.block(format!("pub enum {name}"), |w| {
        for ((field, _, ty), variant) in thrown.iter().zip(&variants) {
            match &field.doc {
                Some(doc) => w.idl_doc(Some(doc)),
                None => w.doc(format!("`{}`, as the IDL declares it.", field.name)),
            }
            w.line(format!("{variant}({ty}),"));
        }
        w.doc("The call itself failed.");
        w.line(format!("Rpc({rpc}),"));
    });
    questions(w, m, function, name, &variants);
    for ((_, id, ty), variant) in thrown.iter().zip(&variants) {
        // Of two variants that hold one type, `?` could not tell which is meant.
        if thrown.iter().filter(|(_, other, _)| other == id).count() == 1 {
            from(w, m, name, ty, variant);
        }
    }
    from(w, m, name, &rpc, "Rpc");
    let variants: Vec<&str> = variants.iter().map(String::as_str).chain(["Rpc"]).collect();
    w.item();
    w.impl_block(format!("impl ::std::fmt::Display for {name}"), |w| {
        w.block("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result", |w| {
            w.block("match self", |w| {
                for variant in &variants {
                    let display = Expr::call("::std::fmt::Display::fmt", ["error", "f"].map(Expr::text));
                    w.arm(&format!("Self::{variant}(error)"), &display);
                }
            });
        });
    });
    w.item();
    w.impl_block(format!("impl ::std::error::Error for {name}"), |w| {
        let output = format!("{}<&(dyn ::std::error::Error + 'static)>", m.std("Option"));
        w.function("fn source", &["&self".to_owned()], &output, |w| {
            w.block("match self", |w| {
                for variant in &variants {
                    w.line(format!("Self::{variant}(error) => Some(error),"));
                }
            });
        });
    });
}

/// What can be asked of an error: which of the two kinds it is.
fn questions(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>, name: &str, variants: &[String]) {
    let (rpc, option) = (m.rt("", "RpcError"), m.std("Option"));
    w.item();
    w.impl_block(format!("impl {name}"), |w| {
        w.doc("Why the call itself failed; `None` for a declared exception.");
        w.function("pub fn rpc", &["&self".to_owned()], &format!("{option}<&{rpc}>"), |w| {
            w.block("match self", |w| {
                w.line("Self::Rpc(error) => Some(error),");
                w.line("_ => None,");
            });
        });
        w.item();
        w.doc("The name of the declared exception; `None` when the call itself failed.");
        w.function("pub fn exception", &["&self".to_owned()], &format!("{option}<&'static str>"), |w| {
            w.block("match self", |w| {
                for ((_, id), variant) in function.def.thrown().zip(variants) {
                    let name = Expr::text(format!("{:?}", m.model().type_name(id)));
                    w.arm(&format!("Self::{variant}(_)"), &Expr::call("Some", [name]));
                }
                w.line("Self::Rpc(_) => None,");
            });
        });
    });
}

fn from(w: &mut Writer, m: &Module<'_>, name: &str, ty: &str, variant: &str) {
    w.item();
    w.impl_block(format!("impl {}<{ty}> for {name}", m.std("From")), |w| {
        w.block(format!("fn from(error: {ty}) -> Self"), |w| w.line(format!("Self::{variant}(error)")));
    });
}
