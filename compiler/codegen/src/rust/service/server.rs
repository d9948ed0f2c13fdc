//! The server: the user's trait behind the runtime's handler, with room for layers between them.

use super::{FunctionForm, ServiceForm};
use crate::rust::layout::Expr;
use crate::rust::module::Module;
use crate::rust::writer::Writer;

pub(super) fn server(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    wrapper(w, m, form);
    layer(w, m, form);
    serve(w, m, form);
    handler(w, m, form);
}

fn wrapper(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let names = form.names;
    let server = m.rt("call", "Server");
    w.item();
    w.doc(format!("A server of [`{}`], for `Bus::serve`.", names.service));
    w.attribute("derive", &["Debug"]);
    w.tuple_struct(&format!("{}<S>", names.server), &format!("{server}<{}, S>", names.request));
    w.item();
    w.impl_block(format!("impl<S: {}> {}<{}<S>>", names.service, names.server, names.handler), |w| {
        w.doc("A server that hands every call to `service`.");
        w.function("pub fn new", &["service: S".to_owned()], "Self", |w| {
            w.line(format!("let handler = {}(service);", names.handler));
            let args = [Expr::text(format!("{:?}", form.def.name)), Expr::text("handler")];
            w.expr(&Expr::call("Self", [Expr::call(format!("{server}::new"), args)]), "");
        });
    });
}

fn layer(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let (layer, innermost) = (m.rt("middleware", "Layer"), m.rt("middleware", "Innermost"));
    let (layered, step, call) = (m.rt("middleware", "Layered"), m.rt("middleware", "Step"), m.rt("call", "Call"));
    let names = form.names;
    w.item();
    w.impl_block(format!("impl<S: {step}<{call}<{}>>> {}<S>", names.request, names.server), |w| {
        w.doc("This server with a tower layer around every handler; the layer added last sees a call first.");
        w.line("#[must_use]");
        let bounds = [
            format!("L: {layer}<{innermost}<S>>,"),
            format!("{layered}<L::Service>: {step}<{call}<{}>>,", names.request),
        ];
        let params = ["self".to_owned(), "layer: L".to_owned()];
        let output = format!("{}<{layered}<L::Service>>", names.server);
        w.bounded_function("pub fn layer<L>", &params, &output, &bounds, |w| {
            w.line(format!("{}(self.0.layer(layer))", names.server));
        });
    });
}

fn serve(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let (step, call) = (m.rt("middleware", "Step"), m.rt("call", "Call"));
    let (handler, inbound) = (m.rt("call", "Handler"), m.rt("call", "Inbound"));
    let observing = m.rt("observe", "Observing");
    let (future, bytes, option) = (m.rt("", "BoxFuture"), m.rt("bytes", "Bytes"), m.std("Option"));
    let names = form.names;
    w.item();
    w.impl_block(format!("impl<S: {step}<{call}<{}>>> {handler} for {}<S>", names.request, names.server), |w| {
        w.block("fn service(&self) -> &'static str", |w| w.line("self.0.service()"));
        w.item();
        let method = m.rt("call", "Method");
        w.block(format!("fn methods(&self) -> &'static [&'static {method}]"), |w| w.line("self.0.methods()"));
        w.item();
        w.block(format!("fn observe(&mut self, observing: {observing})"), |w| w.line("self.0.observe(observing);"));
        w.item();
        let params = ["&self".to_owned(), format!("inbound: {inbound}")];
        w.function("fn handle", &params, &format!("{future}<'static, {option}<{bytes}>>"), |w| {
            w.line("self.0.handle(inbound)");
        });
        w.item();
        // The bus's own way in: without it, what a bus holds would take a future around this one.
        let [this, frame] = params;
        let params = [this, frame, format!("held: {}", m.rt("call", "Held"))];
        w.function("fn handle_held", &params, &format!("{future}<'static, {option}<{bytes}>>"), |w| {
            w.line("self.0.handle_held(inbound, held)");
        });
    });
}

fn handler(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    let (step, call, rpc) = (m.rt("middleware", "Step"), m.rt("call", "Call"), m.rt("", "RpcError"));
    let (context, result) = (m.rt("", "Context"), m.std("Result"));
    let names = form.names;
    w.item();
    w.doc(format!("Hands each call to the method of [`{}`] it is for.", names.service));
    w.attribute("derive", &["Debug"]);
    w.line(format!("pub struct {}<S>(S);", names.handler));
    w.item();
    w.impl_block(format!("impl<S: {}> {}<S>", names.service, names.handler), |w| {
        w.doc("Runs the method that `request` is a call of.");
        let empty = form.functions.is_empty() && form.parent.is_none();
        let (service, ctx) = if empty { ("_", "_") } else { ("service", "ctx") };
        let params = [format!("{service}: &S"), format!("{ctx}: &{context}"), format!("request: {}", names.request)];
        let output = format!("{result}<{}, {rpc}>", names.response);
        w.function("pub async fn dispatch", &params, &output, |w| {
            if empty {
                return w.line("match request {}");
            }
            w.block_then("Ok(match request", ")", |w| {
                for function in &form.functions {
                    arm(w, form, function);
                }
                if let Some(parent) = &form.parent {
                    w.block(format!("{}::{}(request) =>", names.request, parent.variant), |w| {
                        let args = ["service", "ctx", "request"].map(Expr::text);
                        let dispatch = Expr::call(format!("{}::dispatch", parent.handler), args);
                        w.assign("let response =", &dispatch.then(".await?"), ";");
                        w.line(format!("{}::{}(response)", names.response, parent.variant));
                    });
                }
            });
        });
    });
    w.item();
    let head = format!("impl<S: {}> {step}<{call}<{}>> for {}<S>", names.service, names.request, names.handler);
    w.impl_block(head, |w| {
        let params = ["&self".to_owned(), format!("call: {call}<{}>", names.request)];
        w.function("async fn call", &params, &format!("{result}<{}, {rpc}>", names.response), |w| {
            w.line("Self::dispatch(&self.0, &call.context, call.request).await");
        });
    });
}

/// Calls one method. An `Rpc` error of its own is the call's failure, not part of its result.
fn arm(w: &mut Writer, form: &ServiceForm<'_>, function: &FunctionForm<'_>) {
    let names = form.names;
    let path = format!("{}::{}", names.request, function.variant);
    let idents: Vec<(String, Option<Expr>)> = function.args.iter().map(|arg| (arg.ident.clone(), None)).collect();
    let pattern = if idents.is_empty() { Expr::text(path) } else { Expr::Struct(path, idents, None) };
    let args = ["service", "ctx"].into_iter().map(str::to_owned);
    let args = args.chain(function.args.iter().map(|arg| arg.ident.clone())).map(Expr::text);
    // Named by its trait: the user's type may have a method of the same name.
    let call = Expr::call(format!("{}::{}", names.service, function.ident), args);
    let response = format!("{}::{}", names.response, function.variant);
    match (&function.error, function.is_void()) {
        (Some(error), _) => w.arm_match(&pattern, &call.then(".await"), |w| {
            w.arm(&format!("Err({error}::Rpc(error))"), &Expr::text("return Err(error)"));
            w.arm("result", &Expr::call(response, [Expr::text("result")]));
        }),
        (None, true) => w.arm_block(&pattern, |w| {
            w.expr(&call.then(".await?"), ";");
            w.line(response);
        }),
        (None, false) => w.arm_block(&pattern, |w| {
            w.assign("let result =", &call.then(".await?"), ";");
            w.line(format!("{response}(result)"));
        }),
    }
}
