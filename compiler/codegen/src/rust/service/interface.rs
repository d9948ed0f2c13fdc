//! The trait that a user implements: plain `async fn`s.

use super::ServiceForm;
use crate::rust::enums::deprecated;
use crate::rust::module::Module;
use crate::rust::writer::Writer;

pub(super) fn service_trait(w: &mut Writer, m: &Module<'_>, form: &ServiceForm<'_>) {
    w.item();
    w.idl_doc(form.def.doc.as_ref());
    deprecated(w, form.def.annotations.get("deprecated"));
    let bounds = match &form.parent {
        Some(parent) => parent.service.clone(),
        None => format!("{} + {} + 'static", m.std("Send"), m.std("Sync")),
    };
    w.block(format!("pub trait {}: {bounds}", form.names.service), |w| {
        for function in &form.functions {
            w.item();
            w.idl_doc(function.def.doc.as_ref());
            deprecated(w, function.def.annotations.get("deprecated"));
            let output = format!("impl {}<Output = {}> + {}", m.std("Future"), function.result(m), m.std("Send"));
            w.declaration(&format!("fn {}", function.ident), &function.params(m), &output);
        }
    });
}
