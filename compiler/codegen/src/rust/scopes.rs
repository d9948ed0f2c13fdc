//! Scopes: a publisher and a subscriber with a method for each operation, and the enum of events that middleware sees.

use thriftwood_idl::model::{FileId, Operation, PrefixToken, Scope};

use super::enums::deprecated;
use super::layout::Expr;
use super::module::Module;
use super::names::{Taken, camel, snake};
use super::plan::ScopeNames;
use super::service::{Passing, layer, passing};
use super::values::annotations;
use super::writer::Writer;

pub(crate) fn scope(w: &mut Writer, m: &Module<'_>, file: FileId, index: usize, def: &Scope) {
    let names = m.names().scope(file, index);
    let mut idents = Taken::with(&["group", "layer", "new", "start"]);
    let mut variants = Taken::default();
    let operation = |(index, def): (usize, &'_ Operation)| OperationForm {
        ident: idents.give(&snake(&def.name)),
        variant: variants.give(&camel(&def.name)),
        ty: m.ty(&def.ty, false),
        descriptor: names.operations[index].clone(),
        doc: def.doc.clone(),
        deprecated: def.annotations.get("deprecated").map(str::to_owned),
    };
    let operations: Vec<OperationForm> = def.operations.iter().enumerate().map(operation).collect();
    entry(w, m, def, names);
    publisher(w, m, def, names, &operations);
    subscriber(w, m, names, &operations);
    event(w, m, names, &operations);
    descriptors(w, m, (file, index), def, &operations);
}

struct OperationForm {
    ident: String,
    variant: String,
    /// The type of the payload.
    ty: String,
    descriptor: String,
    doc: Option<String>,
    deprecated: Option<String>,
}

/// `AlbumWinners::publisher(&bus, "emea")`
fn entry(w: &mut Writer, m: &Module<'_>, def: &Scope, names: &ScopeNames) {
    let mut taken = Taken::with(&["bus"]);
    let variables: Vec<String> = def.prefix.variables().map(|name| taken.give(&snake(name))).collect();
    let (bus, publisher, subscriber) = (m.rt("", "Bus"), m.rt("event", "Publisher"), m.rt("event", "Subscriber"));
    let into = format!("impl {}<{}>", m.std("Into"), m.std("String"));
    let mut params = vec![format!("bus: &{bus}")];
    params.extend(variables.iter().map(|name| format!("{name}: {into}")));
    let values = match variables.as_slice() {
        [] => format!("{}::new()", m.std("Vec")),
        names => format!("vec![{}]", names.iter().map(|name| format!("{name}.into()")).collect::<Vec<_>>().join(", ")),
    };
    w.item();
    w.idl_doc(def.doc.as_ref());
    deprecated(w, def.annotations.get("deprecated"));
    w.attribute("derive", &["Clone", "Copy", "Debug"]);
    w.line(format!("pub struct {};", names.scope));
    w.item();
    w.impl_block(format!("impl {}", names.scope), |w| {
        w.doc("A publisher to the topics with these values for the prefix variables.");
        w.function("pub fn publisher", &params, &names.publisher, |w| {
            w.line(format!("let variables = {values};"));
            w.line(format!("{}({publisher}::new(bus, &{}, variables))", names.publisher, names.descriptor));
        });
        w.item();
        w.doc("A subscriber to the topics with these values for the prefix variables; `*` takes every value.");
        w.function("pub fn subscriber", &params, &names.subscriber, |w| {
            w.line(format!("let variables = {values};"));
            w.line(format!("{}({subscriber}::new(bus, &{}, variables))", names.subscriber, names.descriptor));
        });
        if m.options().mocks {
            w.item();
            w.doc("A publisher that keeps what is published, and where to find it. For tests.");
            let output = format!("({}, {}<{}>)", names.publisher, m.rt("event", "Recorded"), names.event);
            w.function("pub fn recorded", &params[1..], &output, |w| {
                w.line(format!("let variables = {values};"));
                let recorded = format!("{publisher}::recorded(&{}, variables);", names.descriptor);
                w.line(format!("let (publisher, recorded) = {recorded}"));
                w.line(format!("({}(publisher), recorded)", names.publisher));
            });
        }
    });
}

fn publisher(w: &mut Writer, m: &Module<'_>, def: &Scope, names: &ScopeNames, operations: &[OperationForm]) {
    let inner = format!("{}<{}>", m.rt("event", "Publisher"), names.event);
    let (context, error) = (m.rt("", "Context"), m.rt("", "Error"));
    let output = format!("{}<(), {error}>", m.std("Result"));
    w.item();
    w.doc(format!("Publishes the events of [`{}`]. Cheap to clone.", names.scope));
    w.attribute("derive", &["Clone", "Debug"]);
    w.tuple_struct(&names.publisher, &inner);
    w.item();
    w.impl_block(format!("impl {}", names.publisher), |w| {
        w.doc("This publisher with a tower layer around every publish; the layer added last sees an event first.");
        layer(w, m, &inner, &format!("{}<{}>", m.rt("event", "Envelope"), names.event));
        for (operation, def) in operations.iter().zip(&def.operations) {
            w.item();
            w.idl_doc(operation.doc.as_ref());
            deprecated(w, operation.deprecated.as_deref());
            let payload = match passing(m, &def.ty) {
                Passing::Value => operation.ty.clone(),
                Passing::Into => format!("impl {}<{}>", m.std("Into"), operation.ty),
                Passing::Reference => format!("&{}", operation.ty),
            };
            let params = ["&self".to_owned(), format!("ctx: &{context}"), format!("payload: {payload}")];
            w.function(&format!("pub async fn {}", operation.ident), &params, &output, |w| {
                let payload = match passing(m, &def.ty) {
                    Passing::Value => "&payload",
                    Passing::Into => "&payload.into()",
                    Passing::Reference => "payload",
                };
                w.line(format!("let event = {}::{};", names.event, operation.variant));
                let args = ["ctx", &format!("&{}", operation.descriptor), payload, "event"].map(Expr::text);
                w.expr(&Expr::text("self.0").method("publish", args, "").then(".await"), "");
            });
        }
    });
}

fn subscriber(w: &mut Writer, m: &Module<'_>, names: &ScopeNames, operations: &[OperationForm]) {
    let inner = format!("{}<{}>", m.rt("event", "Subscriber"), names.event);
    let (start, error, subscription) = (m.rt("event", "Start"), m.rt("", "Error"), m.rt("event", "Subscription"));
    let into = format!("impl {}<{}>", m.std("Into"), m.std("String"));
    w.item();
    w.doc(format!("Subscribes to the events of [`{}`]: set options, then choose an operation.", names.scope));
    w.attribute("derive", &["Debug"]);
    w.tuple_struct(&names.subscriber, &inner);
    w.item();
    w.impl_block(format!("impl {}", names.subscriber), |w| {
        w.doc("Shares the events with every other subscription of this group, and goes on where the group left off.");
        w.line("#[must_use]");
        let params = ["self".to_owned(), format!("name: {into}")];
        w.function("pub fn group", &params, "Self", |w| w.line("Self(self.0.group(name))"));
        w.item();
        w.doc("Starts somewhere else than [`Start::Default`] says.".replace("Start::", &format!("{start}::")));
        w.line("#[must_use]");
        let params = ["self".to_owned(), format!("start: {start}")];
        w.function("pub fn start", &params, "Self", |w| w.line("Self(self.0.start(start))"));
        w.item();
        w.doc("This subscriber with a tower layer around every event; the layer added last sees an event first.");
        subscriber_layer(w, m, names);
        for operation in operations {
            w.item();
            w.idl_doc(operation.doc.as_ref());
            deprecated(w, operation.deprecated.as_deref());
            let output = format!("{}<{subscription}<{}>, {error}>", m.std("Result"), operation.ty);
            w.function(&format!("pub async fn {}", operation.ident), &["&self".to_owned()], &output, |w| {
                let event = format!("{}::{}", names.event, operation.variant);
                if operations.len() == 1 {
                    w.line(format!("let payload = |{event}(payload)| Some(payload);"));
                } else {
                    w.block_then("let payload = |event| match event", ";", |w| {
                        w.line(format!("{event}(payload) => Some(payload),"));
                        w.line("_ => None,");
                    });
                }
                let args = [&format!("&{}", operation.descriptor), &event, "payload"].map(Expr::text);
                w.expr(&Expr::text("self.0").method("subscribe", args, "").then(".await"), "");
            });
        }
    });
}

fn subscriber_layer(w: &mut Writer, m: &Module<'_>, names: &ScopeNames) {
    let (layer, innermost) = (m.rt("middleware", "Layer"), m.rt("middleware", "Innermost"));
    let (layered, step) = (m.rt("middleware", "Layered"), m.rt("middleware", "Step"));
    let (handover, envelope) = (m.rt("event", "Handover"), m.rt("event", "Envelope"));
    w.line("#[must_use]");
    w.line("pub fn layer<L>(self, layer: L) -> Self");
    w.line("where");
    w.indented(|w| {
        let (send, sync) = (m.std("Send"), m.std("Sync"));
        w.line(format!("L: {layer}<{innermost}<{handover}<{}>>> + {send} + {sync} + 'static,", names.event));
        w.line(format!("{layered}<L::Service>: {step}<{envelope}<{}>>,", names.event));
    });
    w.line("{");
    w.indented(|w| w.line("Self(self.0.layer(layer))"));
    w.line("}");
}

fn event(w: &mut Writer, m: &Module<'_>, names: &ScopeNames, operations: &[OperationForm]) {
    let (scope_event, operation_type) = (m.rt("event", "ScopeEvent"), m.rt("event", "Operation"));
    let writer = m.rt("codec", "Writer");
    w.item();
    w.doc(format!("The events of [`{}`], with their payloads: what middleware sees.", names.scope));
    w.attribute("derive", &["Clone", "Debug", "PartialEq"]);
    w.block(format!("pub enum {}", names.event), |w| {
        for operation in operations {
            match &operation.doc {
                Some(doc) => w.idl_doc(Some(doc)),
                None => w.doc(format!("`{}`", operation.variant)),
            }
            w.tuple_variant(&operation.variant, &operation.ty);
        }
    });
    w.item();
    w.impl_block(format!("impl {scope_event} for {}", names.event), |w| {
        w.block(format!("fn operation(&self) -> &'static {operation_type}"), |w| {
            if operations.is_empty() {
                return w.line("match *self {}");
            }
            w.block("match self", |w| {
                for operation in operations {
                    w.line(format!("Self::{}(_) => &{},", operation.variant, operation.descriptor));
                }
            });
        });
        w.item();
        let unused = if operations.is_empty() { "_" } else { "w" };
        w.block(format!("fn encode<W: {writer}>(&self, {unused}: &mut W)"), |w| {
            if operations.is_empty() {
                return w.line("match *self {}");
            }
            let wire = m.rt("codec", "Wire");
            w.block("match self", |w| {
                for operation in operations {
                    // By the trait's name: a payload may have a method of its own called `encode`.
                    w.line(format!("Self::{}(payload) => {wire}::encode(payload, w),", operation.variant));
                }
            });
        });
    });
}

fn descriptors(
    w: &mut Writer,
    m: &Module<'_>,
    (file, index): (FileId, usize),
    def: &Scope,
    operations: &[OperationForm],
) {
    let names = m.names().scope(file, index);
    let (scope, operation_type) = (m.rt("event", "Scope"), m.rt("event", "Operation"));
    let tokens = def.prefix.tokens.iter().map(|token| match token {
        PrefixToken::Literal(text) => text.clone(),
        PrefixToken::Variable(name) => format!("{{{name}}}"),
    });
    let prefix = tokens.collect::<Vec<_>>().join(".");
    w.item();
    w.doc(format!("`{}`, as the IDL declares it.", def.name));
    let text = |text: &str| Some(Expr::text(format!("{text:?}")));
    let variables = def.prefix.variables().map(|name| Expr::text(format!("{name:?}"))).collect();
    let fields = vec![
        ("name".to_owned(), text(&def.name)),
        ("topic_name".to_owned(), text(&topic_name(&def.name))),
        ("prefix".to_owned(), text(&prefix)),
        ("variables".to_owned(), Some(Expr::Array("&", variables))),
    ];
    let value = Expr::Struct(scope.clone(), fields, None);
    w.assign(&format!("pub static {}: {scope} =", names.descriptor), &value, ";");
    for (place, (operation, def)) in operations.iter().zip(&def.operations).enumerate() {
        w.item();
        w.doc(format!("`{}`, as the IDL declares it.", def.name));
        let fields = vec![
            ("scope".to_owned(), Some(Expr::text(format!("&{}", names.descriptor)))),
            ("name".to_owned(), text(&def.name)),
            ("annotations".to_owned(), Some(annotations(&def.annotations))),
            ("payload".to_owned(), Some(m.described_operation(file, index, place))),
        ];
        let value = Expr::Struct(operation_type.clone(), fields, None);
        w.assign(&format!("pub static {}: {operation_type} =", operation.descriptor), &value, ";");
    }
}

/// In topics every peer but Python writes the first letter of a scope in upper case.
fn topic_name(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
