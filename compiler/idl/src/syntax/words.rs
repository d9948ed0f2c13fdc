//! The words for what the grammar expected, as people would say them.

use super::grammar::Rule;

/// What a rule stands for; `None` for rules that only repeat what a smaller one says.
pub(super) fn word(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => "the end of the file",
        Rule::identifier | Rule::parent | Rule::namespace_name => "a name",
        Rule::annotation_name => "an annotation's name",
        Rule::literal => "a quoted string",
        Rule::integer => "a whole number",
        Rule::double => "a number",
        Rule::type_ref => "a type",
        Rule::field => "a field",
        Rule::field_id => "a field id such as `1:`",
        Rule::enum_value => "an enum value",
        Rule::function => "a function",
        Rule::operation => "an operation",
        Rule::value => "a value",
        Rule::annotations => "annotations in parentheses",
        Rule::annotation => "an annotation",
        Rule::sep => "`,` or `;`",
        Rule::comma => "`,`",
        Rule::equals => "`=`",
        Rule::colon => "`:`",
        Rule::open => "`{`",
        Rule::close => "`}`",
        Rule::left => "`(`",
        Rule::right => "`)`",
        Rule::less => "`<`",
        Rule::more => "`>`",
        Rule::square => "`[`",
        Rule::square_end => "`]`",
        Rule::reference => "`&`",
        Rule::throws | Rule::kw_throws => "`throws`",
        Rule::prefix | Rule::kw_prefix => "`prefix`",
        Rule::prefix_token | Rule::prefix_literal => "a part of the prefix",
        Rule::prefix_variable => "a prefix variable such as `{user}`",
        Rule::prefix_name => "the variable's name",
        Rule::namespace_scope => "`*` or a language",
        Rule::kw_extends => "`extends`",
        Rule::kw_required => "`required`",
        Rule::kw_optional => "`optional`",
        Rule::kw_void => "`void`",
        Rule::kw_oneway => "`oneway`",
        Rule::item
        | Rule::include
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

/// Whether the thing may always be left out, so that naming it helps only where nothing else was expected.
pub(super) fn may_be_left_out(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::EOI
            | Rule::annotations
            | Rule::sep
            | Rule::reference
            | Rule::kw_oneway
            | Rule::kw_required
            | Rule::kw_optional
    )
}
