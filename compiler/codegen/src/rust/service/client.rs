//! The client: a method for each function, those of the services it extends included.

use super::{FunctionForm, Parent, ServiceForm};
use crate::rust::enums::deprecated;
use crate::rust::error::GenerateError;
use crate::rust::layout::Expr;
use crate::rust::module::Module;
use crate::rust::writer::Writer;

pub(super) fn client(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) -> Result<(), GenerateError> {
    let names = form.names;
    let (client, rpc) = (m.rt("call", "Client"), m.rt("call", "Rpc"));
    w.item();
    w.doc(format!("A client of [`{}`]. Cheap to clone; any number of calls may be under way at once.", names.service));
    w.attribute("derive", &["Clone", "Debug"]);
    w.tuple_struct(&names.client, &format!("{client}<{}>", names.request));
    let ancestors = ancestors(m, form)?;
    w.item();
    w.impl_block(format!("impl {}", names.client), |w| {
        w.doc("A client of whatever serves the address that `rpc` leads to.");
        w.function("pub fn new", &[format!("rpc: {rpc}")], "Self", |w| w.line(format!("Self({client}::new(rpc))")));
        w.item();
        w.doc("This client with a tower layer around every call; the layer added last sees a call first.");
        layer(w, m, &format!("{client}<{}>", names.request), &format!("{}<{}>", m.rt("call", "Call"), names.request));
        let mut path = vec![Level::of(form)];
        for function in &form.functions {
            method(w, m, function, &path);
        }
        let mut known: Vec<String> = form.functions.iter().map(|f| f.ident.clone()).collect();
        let mut child = form;
        for ancestor in &ancestors {
            let Some(parent) = &child.parent else { break };
            path.push(Level::over(parent, ancestor));
            for function in &ancestor.functions {
                // A function that a child declares again is the child's.
                if !known.contains(&function.ident) {
                    known.push(function.ident.clone());
                    method(w, m, function, &path);
                }
            }
            child = ancestor;
        }
    });
    Ok(())
}

/// The services that a service extends, the nearest first.
pub(super) fn ancestors<'a>(m: &Module<'a>, form: &ServiceForm<'a>) -> Result<Vec<ServiceForm<'a>>, GenerateError> {
    let mut ancestors: Vec<ServiceForm<'a>> = Vec::new();
    let mut next = form.parent.as_ref().map(|parent| parent.id);
    while let Some(id) = next {
        let ancestor = ServiceForm::new(m, id)?;
        next = ancestor.parent.as_ref().map(|parent| parent.id);
        ancestors.push(ancestor);
    }
    Ok(ancestors)
}

/// `fn layer`, on a client, a publisher, a subscriber.
pub(crate) fn layer(w: &mut Writer, m: &Module<'_>, inner: &str, passage: &str) {
    let (layer, innermost) = (m.rt("middleware", "Layer"), m.rt("middleware", "Innermost"));
    let (layered, step) = (m.rt("middleware", "Layered"), m.rt("middleware", "Step"));
    w.line("#[must_use]");
    let bounds = [format!("L: {layer}<{innermost}<{inner}>>,"), format!("{layered}<L::Service>: {step}<{passage}>,")];
    let params = ["self".to_owned(), "layer: L".to_owned()];
    w.bounded_function("pub fn layer<L>", &params, "Self", &bounds, |w| w.line("Self(self.0.layer(layer))"));
}

/// The messages of a service, as those of the one that extends it hold them.
struct Level {
    /// The variant that holds them; none at the client's own service.
    variant: String,
    request: String,
    response: String,
    /// Whether they are of one kind only.
    single: bool,
}

impl Level {
    fn of(form: &ServiceForm<'_>) -> Self {
        let (request, response) = (form.names.request.clone(), form.names.response.clone());
        Self { variant: String::new(), request, response, single: form.is_single() }
    }

    fn over(parent: &Parent, form: &ServiceForm<'_>) -> Self {
        let (request, response) = (parent.request.clone(), parent.response.clone());
        Self { variant: parent.variant.clone(), request, response, single: form.is_single() }
    }
}

/// One method. `path` leads from this service's messages to those of the service that declares the function.
fn method(w: &mut Writer, m: &Module<'_>, function: &FunctionForm<'_>, path: &[Level]) {
    let Some((own, outer)) = path.split_last() else { return };
    w.item();
    w.idl_doc(function.def.doc.as_ref());
    deprecated(w, function.def.annotations.get("deprecated"));
    let head = format!("pub async fn {}", function.ident);
    let name = Expr::text(format!("{:?}", function.def.name));
    let mismatched = Expr::call(format!("{}::mismatched", m.rt("", "RpcError")), [name]);
    let mismatched = if function.error.is_some() { mismatched.method("into", [], "") } else { mismatched };
    let mismatched = Expr::call("Err", [mismatched]);
    w.function(&head, &function.params(m), &function.result(m), |w| {
        let mut request = call(&own.request, function);
        for (outer, inner) in path.iter().zip(&path[1..]).rev() {
            request = Expr::call(format!("{}::{}", outer.request, inner.variant), [request]);
        }
        w.assign("let request =", &request, ";");
        let called = ["ctx", "request"].map(Expr::text);
        let mut response = Expr::text("self.0").method("call", called, "").then(".await?");
        for (level, inner) in outer.iter().zip(&path[1..]) {
            let pattern = format!("{}::{}(response)", level.response, inner.variant);
            unwrap(w, level, &pattern, &response, &mismatched);
            response = Expr::text("response");
        }
        let path = format!("{}::{}", own.response, function.variant);
        let is_empty = function.error.is_none() && function.is_void();
        let pattern = if is_empty { Expr::text(path) } else { Expr::call(path, [Expr::text("result")]) };
        let value = match (&function.error, function.is_void()) {
            (Some(_), _) => "result",
            (None, true) => "Ok(())",
            (None, false) => "Ok(result)",
        };
        if own.single {
            w.assign(&format!("let {} =", pattern.flat().unwrap_or_default()), &response, ";");
            return w.line(value);
        }
        w.match_on(&response, |w| {
            w.arm_of(&pattern, &Expr::text(value));
            w.arm("_", &mismatched);
        });
    });
}

/// Takes a parent's response out of the child's.
fn unwrap(w: &mut Writer, level: &Level, pattern: &str, response: &Expr, mismatched: &Expr) {
    if level.single {
        return w.assign(&format!("let {pattern} ="), response, ";");
    }
    let response = response.flat().unwrap_or_default();
    w.let_else(&format!("let {pattern} = {response}"), |w| w.give_back(mismatched));
}

/// `StoreRequest::BuyAlbum { asin, acct }`
fn call(request: &str, function: &FunctionForm<'_>) -> Expr {
    let path = format!("{request}::{}", function.variant);
    if function.args.is_empty() {
        return Expr::text(path);
    }
    Expr::Struct(path, function.args.iter().map(|arg| (arg.ident.clone(), None)).collect(), None)
}
