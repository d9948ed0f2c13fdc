//! Services and scopes.

use std::collections::HashMap;

use super::UNKNOWN;
use super::definitions::Declaring;
use super::fields::Role;
use super::names::unique;
use super::symbols::Found;
use crate::diagnostics::{Code, Diagnostic};
use crate::load::Unit;
use crate::model::{
    DefKind, Function, Model, Operation, Prefix, PrefixToken, Scope, Service, ServiceId, StructKind, Type, TypeId,
};
use crate::source::Span;
use crate::syntax::{self, Body, Definition, Name};

/// Checks that what functions throw are exceptions, and puts each in place of the typedefs that stood for it.
pub(super) fn throws(units: &[Unit], model: &mut Model, found: &mut Vec<Diagnostic>) {
    let mut exceptions = Vec::new();
    for (unit, file) in units.iter().zip(&model.files) {
        let services = unit.tree.definitions.iter().filter_map(|definition| match &definition.body {
            Body::Service { functions, .. } => Some(functions),
            _ => None,
        });
        let written = services.flatten().flat_map(|function| &function.throws);
        let thrown = file.services.iter().flat_map(|service| &service.functions).flat_map(|function| &function.throws);
        for (written, thrown) in written.zip(thrown) {
            let exception = exception(model, &thrown.ty);
            if exception.is_none() && super::known(model, &thrown.ty).is_some() {
                let message = "what a function throws must be an exception";
                let not = Diagnostic::new(Code::NotAnException, written.ty.span, message).here("this is none");
                found.push(match declared(model, &thrown.ty) {
                    Some(span) => not.also(span, "declared here").help("declare it with `exception`"),
                    None => not.help("declare an `exception` with a field of this type"),
                });
            }
            exceptions.push(exception.map_or(UNKNOWN, Type::Named));
        }
    }
    let thrown = model.files.iter_mut().flat_map(|file| &mut file.services).flat_map(|service| &mut service.functions);
    for (thrown, exception) in thrown.flat_map(|function| &mut function.throws).zip(exceptions) {
        thrown.ty.ty = exception;
    }
}

/// The exception a type is, through any typedefs.
fn exception(model: &Model, ty: &Type) -> Option<TypeId> {
    let Type::Named(id) = super::known(model, ty)? else { return None };
    model.structure(*id).filter(|structure| structure.kind == StructKind::Exception).map(|_| *id)
}

fn declared(model: &Model, ty: &Type) -> Option<Span> {
    let Type::Named(id) = super::known(model, ty)? else { return None };
    match id.kind {
        DefKind::Struct => model.structure(*id).map(|structure| structure.span),
        _ => None,
    }
}

impl Declaring<'_> {
    pub(super) fn service(
        &mut self,
        definition: &Definition,
        extends: Option<&Name>,
        functions: &[syntax::Function],
    ) -> Service {
        unique("function", functions.iter().map(|function| &function.name), Name::lower_first, self.found);
        Service {
            name: definition.name.text.clone(),
            span: definition.name.span,
            doc: definition.doc.clone(),
            extends: extends.and_then(|parent| self.parent(parent)),
            functions: functions.iter().map(|function| self.function(function)).collect(),
            annotations: definition.annotations.clone(),
        }
    }

    fn parent(&mut self, parent: &Name) -> Option<ServiceId> {
        let name = &parent.text;
        match self.symbols.find(self.id, name, |table| &table.services) {
            Found::One(id) => return Some(id),
            Found::Several(files) => self.ambiguous("service", name, parent.span, &files),
            Found::None { sure: false } => {}
            Found::None { sure: true } => {
                let unknown =
                    Diagnostic::new(Code::UnknownService, parent.span, format!("there is no service `{name}`"));
                let is_type = !matches!(self.symbols.find(self.id, name, |table| &table.types), Found::None { .. });
                self.found.push(match self.symbols.suggest(self.id, name, |table| &table.services, &[]) {
                    _ if is_type => unknown.help("a service can only extend a service, and this is a type"),
                    Some(meant) => unknown.help(format!("did you mean `{meant}`?")),
                    None => unknown.help("a service of another file is named `file.Service`, and the file is included"),
                });
            }
        }
        None
    }

    fn function(&mut self, function: &syntax::Function) -> Function {
        let name = &function.name;
        let mut oneway_and = |what: &str, span: Span, help: &str| {
            let message = format!("`{}` is oneway, so it cannot {what}", name.text);
            let found = Diagnostic::new(Code::OnewayAnswers, span, message).here("nobody waits for it");
            self.found.push(found.help(help));
        };
        if function.oneway {
            if let Some(returns) = &function.returns {
                oneway_and("return anything", returns.span, "return `void`, or leave out `oneway`");
            }
            if let Some(first) = function.throws.first() {
                oneway_and("throw", first.name.span, "leave out `throws`, or leave out `oneway`");
            }
        }
        Function {
            name: name.text.clone(),
            span: name.span,
            doc: function.doc.clone(),
            oneway: function.oneway,
            returns: function.returns.as_ref().map(|ty| self.ty(ty)),
            args: self.fields(name, &function.args, Role::Args),
            throws: self.fields(name, &function.throws, Role::Throws),
            annotations: function.annotations.clone(),
        }
    }

    pub(super) fn scope(
        &mut self,
        definition: &Definition,
        prefix: &[(PrefixToken, Span)],
        operations: &[syntax::Operation],
    ) -> Scope {
        let name = &definition.name;
        unique("operation", operations.iter().map(|operation| &operation.name), Name::lower_first, self.found);
        if *name.upper_first() != name.text {
            let upper = name.upper_first();
            let message = format!("the scope `{}` begins with a lower-case letter", name.text);
            let note =
                format!("topics say `{upper}`, as Frugal's Go, Java and Dart do; its Python says `{}`", name.text);
            let warning = Diagnostic::new(Code::LowerCaseScope, name.span, message).note(note);
            self.found.push(warning.help(format!("call it `{upper}`, and all peers agree")));
        }
        self.prefix(prefix);
        let lowered = operations.iter().map(|operation| Operation {
            name: operation.name.text.clone(),
            span: operation.name.span,
            doc: operation.doc.clone(),
            ty: self.ty(&operation.ty),
            annotations: operation.annotations.clone(),
        });
        Scope {
            operations: lowered.collect(),
            name: name.text.clone(),
            span: name.span,
            doc: definition.doc.clone(),
            prefix: Prefix { tokens: prefix.iter().map(|(token, _)| token.clone()).collect() },
            annotations: definition.annotations.clone(),
        }
    }

    /// Frugal takes `{name}` for a variable when it begins with letters and at least one more letter or digit.
    fn prefix(&mut self, prefix: &[(PrefixToken, Span)]) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for (token, span) in prefix {
            let PrefixToken::Variable(name) = token else { continue };
            let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
            let more = name.as_bytes().get(letters).is_some_and(u8::is_ascii_digit);
            if letters == 0 || letters == 1 && !more {
                let message = format!("`{name}` cannot be a prefix variable");
                let help = "a variable begins with a letter, followed by another letter or a digit";
                self.found.push(Diagnostic::new(Code::PrefixVariable, *span, message).help(help));
            }
            if let Some(before) = first.insert(name, *span) {
                let message = format!("the prefix variable `{name}` stands in one prefix twice");
                let twice = Diagnostic::new(Code::PrefixVariable, *span, message).here("again here");
                self.found.push(twice.also(before, "first here").help("give the second another name"));
            }
        }
    }
}
