//! A mock of a service: closures in place of methods, for tests of whoever calls it.

use super::{FunctionForm, ServiceForm, ancestors};
use crate::rust::error::GenerateError;
use crate::rust::layout::Expr;
use crate::rust::module::Module;
use crate::rust::names::{Taken, bare};
use crate::rust::writer::Writer;

pub(super) fn mock(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) -> Result<(), GenerateError> {
    let ancestors = ancestors(m, form)?;
    in_memory(w, m, form);
    let services: Vec<&ServiceForm<'_>> = std::iter::once(form).chain(&ancestors).collect();
    let mock = &form.names.mock;
    let slots = slots(&services);
    w.item();
    w.doc(format!("A [`{}`] for tests: each method is what the test gives for it.", form.names.service));
    w.attribute("derive", &["Default"]);
    w.block(format!("pub struct {mock}"), |w| {
        for (service, slots) in services.iter().zip(&slots) {
            for (function, slot) in service.functions.iter().zip(slots) {
                w.boxed_fn(slot, &m.std("Option"), &m.std("Box"), &answer(m, function));
            }
        }
    });
    w.item();
    w.impl_block(format!("impl {mock}"), |w| {
        w.doc("A service whose every method fails.");
        w.function("pub fn new", &[], "Self", |w| w.line("Self::default()"));
        let mut known: Vec<&str> = Vec::new();
        for (service, slots) in services.iter().zip(&slots) {
            for (function, slot) in service.functions.iter().zip(slots) {
                // What a service declares again hides its parent's.
                if !known.contains(&&*function.ident) {
                    known.push(&function.ident);
                    setter(w, m, function, slot);
                }
            }
        }
    });
    w.item();
    w.impl_block(format!("impl ::std::fmt::Debug for {mock}"), |w| {
        w.block("fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result", |w| {
            w.line(format!("f.write_str({mock:?})"));
        });
    });
    let mut path = form.names.service.clone();
    for (service, slots) in services.iter().zip(&slots) {
        implement(w, m, mock, &path, service, slots);
        path = service.parent.as_ref().map(|parent| parent.service.clone()).unwrap_or_default();
    }
    Ok(())
}

/// `StoreClient::in_memory`
fn in_memory(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let names = form.names;
    w.item();
    w.impl_block(format!("impl {}", names.client), |w| {
        w.doc("A client of this very service: real frames, nothing between the two ends. For tests.");
        let params = [format!("service: impl {}", names.service)];
        w.function("pub fn in_memory", &params, "Self", |w| {
            let local = m.rt("memory", "rpc");
            w.line(format!("Self::new({local}({}::new(service)))", names.server));
        });
    });
}

/// The fields that hold the answers of each service's functions.
fn slots(services: &[&ServiceForm<'_>]) -> Vec<Vec<String>> {
    let mut taken = Taken::default();
    let mut slot = |function: &FunctionForm<'_>| taken.give(&format!("on_{}", bare(&function.ident)));
    services.iter().map(|service| service.functions.iter().map(&mut slot).collect()).collect()
}

/// `Fn(&Context, Asin, String) -> Result<..> + Send + Sync`
fn answer(m: &Module<'_>, function: &FunctionForm<'_>) -> String {
    let mut types = vec![format!("&{}", m.rt("", "Context"))];
    types.extend(function.args.iter().map(|arg| arg.full_type(m)));
    format!("Fn({}) -> {} + {} + {}", types.join(", "), function.result(m), m.std("Send"), m.std("Sync"))
}

fn setter(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>, slot: &str) {
    w.item();
    w.doc(format!("Answers `{}` with what `answer` gives.", function.def.name));
    w.line("#[must_use]");
    w.line(format!("pub fn {}<F>(mut self, answer: F) -> Self", function.ident));
    w.line("where");
    w.indented(|w| w.bound("F", &answer(m, function)));
    w.line("{");
    w.indented(|w| {
        w.line(format!("self.{slot} = Some({}::new(answer));", m.std("Box")));
        w.line("self");
    });
    w.line("}");
}

fn implement(w: &mut Writer, m: &Module<'_>, mock: &str, path: &str, service: &ServiceForm<'_>, slots: &[String]) {
    let rpc = m.rt("", "RpcError");
    w.item();
    w.impl_block(format!("impl {path} for {mock}"), |w| {
        for (function, slot) in service.functions.iter().zip(slots) {
            w.item();
            let params = function.params(m);
            let head = format!("async fn {}", function.ident);
            w.function(&head, &params, &function.result(m), |w| {
                let args = function.args.iter().map(|arg| arg.ident.as_str());
                let args: Vec<&str> = std::iter::once("ctx").chain(args).collect();
                // An argument may be called `answer` as well.
                let answer = Taken::with(&args).give("answer");
                let name = Expr::text(format!("{:?}", function.def.name));
                let missing = Expr::call(format!("{rpc}::unmocked"), [name]);
                w.block(format!("match &self.{slot}"), |w| {
                    let args = args.iter().map(|arg| Expr::text(*arg));
                    w.arm(&format!("Some({answer})"), &Expr::call(answer.clone(), args));
                    w.arm("None", &Expr::call("Err", [missing]));
                });
            });
        }
    });
}
