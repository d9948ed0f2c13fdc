//! From the names on the command line to what the contract declares.

use thriftwood_idl::diagnostics::nearest;
use thriftwood_idl::model::{FileId, Function, Model, Scope, Service, ServiceId};

/// The function that `Service.function` names, and the service that was asked for. A service has the functions of those it
/// extends.
pub(crate) fn function<'m>(model: &'m Model, name: &str) -> Result<(&'m Service, &'m Service, &'m Function), String> {
    let (service, function) = split(name, "Service.method", "Store.buyAlbum")?;
    let found = services(model).find(|(_, def)| def.name == service);
    let Some((id, asked)) = found else {
        let names = services(model).map(|(_, def)| def.name.as_str());
        return Err(absent("service", service, "the file", names));
    };
    let mut functions = inherited(model, id).flat_map(|of| of.functions.iter().map(move |function| (of, function)));
    match functions.find(|(_, def)| def.name == function || def.wire_name() == function) {
        Some((of, found)) => Ok((asked, of, found)),
        None => {
            let names = inherited(model, id).flat_map(|of| &of.functions).map(|def| def.name.as_str());
            Err(absent("method", function, &format!("service {service}"), names))
        }
    }
}

/// The scope and the place of the operation in it that `Scope.Operation` names.
pub(crate) fn operation<'m>(model: &'m Model, name: &str) -> Result<(&'m Scope, usize), String> {
    let (scope, operation) = split(name, "Scope.Operation", "AlbumWinners.Winner")?;
    let scopes = || files(model).flat_map(|file| &model.file(file).scopes);
    let Some(found) = scopes().find(|def| def.name == scope) else {
        return Err(absent("scope", scope, "the file", scopes().map(|def| def.name.as_str())));
    };
    match found.operations.iter().position(|def| def.name == operation) {
        Some(place) => Ok((found, place)),
        None => {
            let names = found.operations.iter().map(|def| def.name.as_str());
            Err(absent("operation", operation, &format!("scope {scope}"), names))
        }
    }
}

fn split<'n>(name: &'n str, form: &str, example: &str) -> Result<(&'n str, &'n str), String> {
    name.split_once('.').ok_or_else(|| format!("`{}` is not of the form {form}, as {example} is", name.escape_debug()))
}

/// The file that was asked for first, then those it includes.
fn files(model: &Model) -> impl Iterator<Item = FileId> {
    let included = model.files().map(|(id, _)| id).filter(|id| !model.roots.contains(id));
    model.roots.iter().copied().chain(included)
}

fn services(model: &Model) -> impl Iterator<Item = (ServiceId, &Service)> {
    files(model).flat_map(|file| {
        (0..).zip(&model.file(file).services).map(move |(index, def)| (ServiceId { file, index }, def))
    })
}

/// The service and those it extends, one by one.
fn inherited(model: &Model, id: ServiceId) -> impl Iterator<Item = &Service> {
    std::iter::successors(Some(model.service(id)), |def| def.extends.map(|id| model.service(id)))
}

fn absent<'a>(what: &str, name: &str, of: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = name.escape_debug();
    if let Some(meant) = nearest(name, names.iter().copied()) {
        return format!("{of} has no {what} `{shown}`, did you mean `{meant}`?");
    }
    match names.as_slice() {
        [] => format!("{of} has no {what} `{shown}`; it has none at all"),
        names => format!("{of} has no {what} `{shown}`; it has {}", names.join(", ")),
    }
}
