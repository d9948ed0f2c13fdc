//! Compares services and their functions.

use super::pairs::Kind;
use super::types::spelled;
use super::{Audit, Context, Rule, now, old};
use crate::model::{FileId, Function, Model, Service, ServiceId, TypeUse};

impl<'m> Audit<'m> {
    pub(super) fn service(&mut self, file: FileId, index: usize) {
        let before = &self.old.file(file).services[index];
        let name = &before.name;
        let Some((new_file, new_index)) = self.pairs.get(Kind::Service, file, index) else {
            if self.pairs.file(file).is_some() {
                let context = self.context(file, None).within(name, "");
                let places = [old(before.span, "it was here")];
                self.report(Rule::ServiceRemoved, &context, &format!("missing service: {name}"), places);
            }
            return;
        };
        let after = &self.new.file(new_file).services[new_index];
        let context = self.context(file, Some(new_file)).within(name, &format!("service {name}:"));
        self.extends(&context, before, after);
        for function in &before.functions {
            self.function(&context, function, after);
        }
    }

    /// A service may begin to extend another; one that does goes on.
    fn extends(&mut self, context: &Context, before: &Service, after: &Service) {
        let Some(was) = before.extends else { return };
        if after.extends.is_some_and(|is| self.pairs.service(was) == Some(is)) {
            return;
        }
        let mut was = service_name(self.old, was, false);
        let mut is = after.extends.map_or_else(String::new, |is| service_name(self.new, is, false));
        if let (true, Some(old), Some(new)) = (was == is, before.extends, after.extends) {
            (was, is) = (service_name(self.old, old, true), service_name(self.new, new, true));
        }
        let text = format!("extends changed: '{was}' -> '{is}'");
        self.report(Rule::ExtendsChanged, context, &text, [now(after.span, ""), old(before.span, "")]);
    }

    fn function(&mut self, context: &Context, was: &Function, service: &'m Service) {
        let Some(is) = self.find_function(was, service) else {
            let missing = now(service.span, format!("nothing here is called `{}`", was.wire_name()));
            let within = Context { text: context.text.clone(), ..context.within(&was.name, "") };
            let text = format!("missing method: {}", was.name);
            return self.report(Rule::MethodRemoved, &within, &text, [missing, old(was.span, "")]);
        };
        let context = context.within(&was.name, &format!("method {}:", was.name));
        let here = || [now(is.span, ""), old(was.span, "")];
        if was.name != is.name {
            self.report(Rule::MethodRenamed, &context, "name changed", here());
        }
        if was.oneway != is.oneway {
            self.report(Rule::OnewayChanged, &context, "one way modifier changed", here());
        }
        self.returns(&context, was, is);
        self.fields(&context, &was.args, (&is.args, is.span));
        self.fields(&context, &was.throws, (&is.throws, is.span));
        // Without a result and exceptions nothing is read of an answer, so that neither may begin or cease to be there.
        if was.returns.is_none() && was.throws.is_empty() && !is.throws.is_empty() {
            self.report(Rule::VoidThrowsAdded, &context, "can't add exceptions with nil return type", here());
        }
        if is.returns.is_none() && is.throws.is_empty() && !was.throws.is_empty() {
            self.report(Rule::VoidThrowsRemoved, &context, "can't remove exceptions with nil return type", here());
        }
    }

    fn returns(&mut self, context: &Context, was: &Function, is: &Function) {
        let within = Context { text: format!("{} return type:", context.text), ..context.clone() };
        match (&was.returns, &is.returns) {
            (Some(before), Some(after)) => {
                self.typed(Rule::ReturnTypeChanged, &within, (before, was.span), (after, is.span));
            }
            (None, None) => {}
            (before, after) => {
                let word = |model: &Model, ty: &Option<TypeUse>| {
                    ty.as_ref().map_or("void".to_owned(), |ty| spelled(model, ty))
                };
                let (before, after) = (word(self.old, before), word(self.new, after));
                let text = format!("types not equal: '{before}' -> '{after}'");
                let places = [now(is.span, format!("now `{after}`")), old(was.span, format!("was `{before}`"))];
                self.report(Rule::ReturnTypeChanged, &within, &text, places);
            }
        }
    }

    /// The function a call of an old client reaches: of this name, else of the name it has on the wire, here or in a service
    /// that this one extends.
    fn find_function(&self, was: &Function, service: &'m Service) -> Option<&'m Function> {
        let mut next = Some(service);
        while let Some(service) = next {
            let by_name = service.functions.iter().find(|is| is.name == was.name);
            let found = by_name.or_else(|| service.functions.iter().find(|is| is.wire_name() == was.wire_name()));
            if found.is_some() {
                return found;
            }
            next = service.extends.map(|parent| self.new.service(parent));
        }
        None
    }
}

fn service_name(model: &Model, id: ServiceId, with_file: bool) -> String {
    let name = &model.service(id).name;
    if with_file { format!("{}.{name}", model.file(id.file).name) } else { name.clone() }
}
