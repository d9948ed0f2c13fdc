//! The words for what the grammar expected, as people would say them.

use super::grammar::Rule;

/// What a rule stands for; `None` for rules that only repeat what a smaller one says.
pub(super) fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => "the end of the file",
        Rule::identifier | Rule::parent => "a name",
        Rule::annotation_name => "an annotation's name",
        Rule::literal => "a quoted string",
        Rule::integer => "a whole number",
        Rule::double => "a number",
        Rule::type_ref => "a type",
        Rule::field => "a field",
        Rule::field_id => "a field id such as `1:`",
        Rule::enum_value => "an enum value",
        Rule::function => "a function",
        Rule::operation => "an operation such as `Created: Album`",
        Rule::value => "a value",
        Rule::annotations => "annotations in parentheses",
        Rule::annotation => "an annotation",
        Rule::sep => "`,` or `;`",
        Rule::throws => "`throws`",
        Rule::prefix => "`prefix`",
        Rule::prefix_token | Rule::prefix_literal => "a prefix token",
        Rule::prefix_variable => "a prefix variable such as `{user}`",
        Rule::prefix_name => "the variable's name",
        Rule::namespace_scope => "`*` or a language",
        Rule::kw_extends => "`extends`",
        Rule::kw_required => "`required`",
        Rule::kw_optional => "`optional`",
        Rule::kw_void => "`void`",
        Rule::kw_oneway => "`oneway`",
        Rule::include
        | Rule::namespace
        | Rule::constant
        | Rule::typedef
        | Rule::enumeration
        | Rule::structure
        | Rule::service
        | Rule::scope => "a definition",
        _ => return None,
    })
}
