//! The outline of a file: what it declares, and what belongs to what.

use gen_lsp_types::{DocumentSymbol, SymbolKind, SymbolTag};
use thriftwood_idl::index::{Declaration, DeclarationId, Kind};
use thriftwood_idl::model::StructKind;

use super::analysis::Analysis;

/// The outline of a text, from top to bottom.
pub(super) fn outline(analysis: &Analysis, source: u32) -> Vec<DocumentSymbol> {
    let top = analysis.index.declarations();
    let mut top: Vec<_> = top.filter(|(_, each)| each.owner.is_none() && each.span.source == source).collect();
    top.sort_by_key(|(_, each)| each.extent.start);
    top.into_iter().map(|(id, declaration)| symbol(analysis, id, declaration)).collect()
}

fn symbol(analysis: &Analysis, id: DeclarationId, declaration: &Declaration) -> DocumentSymbol {
    let members = analysis.index.members(id).filter(|(_, each)| !is_parameter(&each.kind));
    let children: Vec<_> = members.map(|(id, member)| symbol(analysis, id, member)).collect();
    #[allow(deprecated, reason = "the field has to be named")]
    DocumentSymbol {
        name: declaration.name.clone(),
        detail: detail(analysis, declaration),
        kind: kind(&declaration.kind),
        tags: declaration.deprecated.as_ref().map(|_| vec![SymbolTag::Deprecated]),
        deprecated: None,
        range: analysis.range(declaration.extent),
        selection_range: analysis.range(declaration.span),
        children: (!children.is_empty()).then_some(children),
    }
}

/// What stands behind the name: a type or a number.
fn detail(analysis: &Analysis, declaration: &Declaration) -> Option<String> {
    match &declaration.kind {
        Kind::EnumValue(number) => Some(number.to_string()),
        Kind::Function { .. } if declaration.ty.is_none() => Some("void".to_owned()),
        _ => declaration.ty.map(|span| analysis.text(span).split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

fn kind(kind: &Kind) -> SymbolKind {
    match kind {
        Kind::Typedef | Kind::Struct(StructKind::Exception) => SymbolKind::Class,
        Kind::Enum => SymbolKind::Enum,
        Kind::EnumValue(_) => SymbolKind::EnumMember,
        Kind::Struct(_) => SymbolKind::Struct,
        Kind::Field(..) => SymbolKind::Field,
        Kind::Const => SymbolKind::Constant,
        Kind::Service => SymbolKind::Interface,
        Kind::Function { .. } => SymbolKind::Method,
        Kind::Argument(_) | Kind::Thrown(_) => SymbolKind::Variable,
        Kind::Scope(_) => SymbolKind::Module,
        Kind::Operation => SymbolKind::Event,
    }
}

fn is_parameter(kind: &Kind) -> bool {
    matches!(kind, Kind::Argument(_) | Kind::Thrown(_))
}
