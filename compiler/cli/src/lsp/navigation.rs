//! Leads from a name to where it is declared, and to where else it is used.

use gen_lsp_types::{Location, Position, Range, Uri};
use thriftwood_idl::index::Target;

use super::analysis::Analysis;

/// Where the name at a place is declared. The path of an include and the file's name before a dot lead to the file.
pub(super) fn definition(analysis: &Analysis, uri: &Uri, position: Position) -> Option<Location> {
    match analysis.at(uri, position)?.1 {
        Target::Declaration(id) => analysis.location(analysis.index.declaration(id)?.span),
        Target::File(source) => Some(Location { uri: analysis.uri(source)?.clone(), range: Range::default() }),
    }
}

/// Everywhere the name at a place is used.
pub(super) fn references(analysis: &Analysis, uri: &Uri, position: Position, declaration: bool) -> Vec<Location> {
    let Some((_, target)) = analysis.at(uri, position) else { return Vec::new() };
    let declared = match target {
        Target::Declaration(id) if declaration => analysis.index.declaration(id).map(|each| each.span),
        _ => None,
    };
    declared.into_iter().chain(analysis.index.uses_of(target)).filter_map(|span| analysis.location(span)).collect()
}
