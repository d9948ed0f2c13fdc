//! Services: the trait a user implements, the client and the server, and the messages that travel between them.

mod client;
mod errors;
mod interface;
mod messages;
mod mock;
mod server;

use thriftwood_idl::model::{BaseType, DefKind, Function, Service, ServiceId, Type};

use super::error::GenerateError;
use super::fields::{FieldForm, arguments};
use super::layout::Expr;
use super::module::Module;
use super::names::{Taken, camel, snake};
use super::plan::ServiceNames;
use super::writer::Writer;

use client::ancestors;
pub(crate) use client::layer;

pub(crate) fn service(w: &mut Writer, m: &Module<'_>, id: ServiceId) -> Result<(), GenerateError> {
    let form = ServiceForm::new(m, id)?;
    interface::service_trait(w, m, &form);
    errors::method_errors(w, m, &form);
    client::client(w, m, &form)?;
    server::server(w, m, &form);
    messages::request(w, m, &form);
    messages::response(w, m, &form);
    messages::descriptors(w, m, &form);
    if m.options().mocks {
        mock::mock(w, m, &form)?;
    }
    Ok(())
}

/// A service and the names of everything about it.
struct ServiceForm<'a> {
    id: ServiceId,
    def: &'a Service,
    names: &'a ServiceNames,
    functions: Vec<FunctionForm<'a>>,
    parent: Option<Parent>,
}

/// The service this one extends, as seen from here.
struct Parent {
    id: ServiceId,
    /// The variant that holds the parent's calls and results.
    variant: String,
    service: String,
    handler: String,
    request: String,
    response: String,
}

/// A function and its names.
struct FunctionForm<'a> {
    def: &'a Function,
    /// The method of trait and client.
    ident: String,
    /// The variant of request and response.
    variant: String,
    args: Vec<FieldForm<'a>>,
    /// The enum of its errors, where it declares exceptions.
    error: Option<String>,
    /// The static that describes it.
    descriptor: String,
    /// The type of its result, `()` for `void`.
    output: String,
}

impl<'a> ServiceForm<'a> {
    fn new(m: &Module<'a>, id: ServiceId) -> Result<Self, GenerateError> {
        let def = m.model().service(id);
        let names = m.names().service(id);
        let mut idents = Taken::with(&["layer", "new"]);
        let mut variants = Taken::default();
        let mut functions = Vec::new();
        for (index, function) in def.functions.iter().enumerate() {
            functions.push(FunctionForm {
                def: function,
                ident: idents.give(&snake(&function.name)),
                variant: variants.give(&camel(&function.name)),
                args: arguments(m, &function.args)?,
                error: names.errors[index].as_ref().map(|name| m.of_service(id, name)),
                descriptor: m.of_service(id, &names.methods[index]),
                output: function.returns.as_ref().map_or_else(|| "()".to_owned(), |ty| m.ty(ty, false)),
            });
        }
        let parent = def.extends.map(|id| {
            let names = m.names().service(id);
            Parent {
                id,
                variant: variants.give(&camel(&m.model().service(id).name)),
                service: m.of_service(id, &names.service),
                handler: m.of_service(id, &names.handler),
                request: m.of_service(id, &names.request),
                response: m.of_service(id, &names.response),
            }
        });
        Ok(Self { id, def, names, functions, parent })
    }
}

impl ServiceForm<'_> {
    /// The descriptors of its functions and of those it inherits: `&STORE_BUY_ALBUM`.
    fn all_methods(&self, m: &Module<'_>) -> Vec<Expr> {
        let services = std::iter::successors(Some(self.id), |id| m.model().service(*id).extends);
        let methods = services.flat_map(|id| m.names().service(id).methods.iter().map(move |name| (id, name)));
        methods.map(|(id, name)| Expr::text(format!("&{}", m.of_service(id, name)))).collect()
    }

    /// Whether its messages have one variant, so that a pattern for it always matches.
    fn is_single(&self) -> bool {
        self.functions.len() + usize::from(self.parent.is_some()) == 1
    }
}

impl FunctionForm<'_> {
    /// `Result<Album, BuyAlbumError>`
    fn result(&self, m: &Module<'_>) -> String {
        let error = self.error.clone().unwrap_or_else(|| m.rt("", "RpcError"));
        format!("{}<{}, {error}>", m.std("Result"), self.output)
    }

    /// `&self`, the context, the arguments.
    fn params(&self, m: &Module<'_>) -> Vec<String> {
        let mut params = vec!["&self".to_owned(), format!("ctx: &{}", m.rt("", "Context"))];
        params.extend(self.args.iter().map(|arg| format!("{}: {}", arg.ident, arg.full_type(m))));
        params
    }

    /// The variant of the error for each declared exception, in order: the exception's name, or, where two are of one type, the
    /// name of the `throws` entry.
    fn error_variants(&self, m: &Module<'_>) -> Vec<String> {
        let mut taken = Taken::with(&["Rpc"]);
        let types: Vec<_> = self.def.thrown().map(|(_, id)| id).collect();
        let variant = |(field, id): (&thriftwood_idl::model::Field, _)| {
            let once = types.iter().filter(|other| **other == id).count() == 1;
            taken.give(&camel(if once { m.model().type_name(id) } else { &field.name }))
        };
        self.def.thrown().map(variant).collect()
    }

    /// What is the same in Rust, whatever the IDL calls it: whether the result is `void`.
    fn is_void(&self) -> bool {
        self.def.returns.is_none()
    }
}

/// Whether a payload is handed over by value, as text, or by reference.
pub(crate) enum Passing {
    Value,
    Into,
    Reference,
}

pub(crate) fn passing(m: &Module<'_>, ty: &Type) -> Passing {
    match m.model().resolve(ty) {
        Type::Base(BaseType::String | BaseType::Binary) => Passing::Into,
        Type::Base(_) => Passing::Value,
        Type::Named(id) if id.kind == DefKind::Enum => Passing::Value,
        _ => Passing::Reference,
    }
}
