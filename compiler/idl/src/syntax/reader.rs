//! Turns what the grammar matched into nodes of the tree.

use pest::iterators::Pair;

use super::grammar::Rule;
use super::tree::*;
use super::{doc, literal};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{Annotations, Doc, PrefixToken, StructKind};
use crate::source::Span;

/// Reads the definitions of one file into its tree.
pub(super) struct Reader<'t> {
    /// The whole text.
    pub(super) text: &'t str,
    /// Its index in the sources.
    pub(super) source: u32,
    /// Where the piece that is being read begins in the text.
    pub(super) offset: usize,
    /// What was read so far.
    pub(super) tree: Tree,
    /// What was found wrong or old-fashioned.
    pub(super) found: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { source: self.source, start: at(start), end: at(end) }
    }

    /// Reads one top-level definition.
    pub(super) fn definition(&mut self, pair: &Pair<'t, Rule>) {
        let body = match pair.as_rule() {
            Rule::include => return self.include(pair),
            Rule::namespace => return self.namespace(pair),
            Rule::cpp_include => {
                let path = inner(pair, Rule::literal).next().map(|part| self.text(&part)).unwrap_or_default();
                return self.tree.cpp_includes.push(path);
            }
            Rule::constant => {
                let (mut ty, mut value) = (nothing(), Value { span: Span::default(), kind: ValueKind::Int(0) });
                for part in pair.clone().into_inner() {
                    match part.as_rule() {
                        Rule::type_ref => ty = self.type_ref(part),
                        Rule::value => value = self.value(part),
                        _ => {}
                    }
                }
                Body::Const { ty, value }
            }
            Rule::typedef => {
                let target = inner(pair, Rule::type_ref).next().map_or_else(nothing, |part| self.type_ref(part));
                Body::Typedef { target }
            }
            Rule::enumeration => {
                Body::Enum { values: inner(pair, Rule::enum_value).map(|part| self.enum_value(&part)).collect() }
            }
            Rule::senum => self.senum(pair),
            Rule::structure => {
                let kind = match inner(pair, Rule::structure_kind).next().map(|part| part.as_str()) {
                    Some("union") => StructKind::Union,
                    Some("exception") => StructKind::Exception,
                    _ => StructKind::Struct,
                };
                Body::Struct { kind, fields: self.fields(pair) }
            }
            Rule::service => Body::Service {
                extends: inner(pair, Rule::parent).next().map(|part| self.name(&part)),
                functions: inner(pair, Rule::function).map(|part| self.function(part)).collect(),
            },
            Rule::scope => Body::Scope {
                prefix: inner(pair, Rule::prefix).next().map(|part| self.prefix(&part)).unwrap_or_default(),
                operations: inner(pair, Rule::operation).map(|part| self.operation(&part)).collect(),
            },
            // The end of the file.
            _ => return,
        };
        let definition = Definition {
            name: inner(pair, Rule::identifier).next().map(|part| self.name(&part)).unwrap_or_default(),
            extent: self.span_of(pair),
            doc: self.doc(pair),
            annotations: self.annotations(pair),
            body,
        };
        self.tree.definitions.push(definition);
    }

    fn include(&mut self, pair: &Pair<'t, Rule>) {
        let path = inner(pair, Rule::literal).next().map(|part| self.literal_name(&part)).unwrap_or_default();
        let annotations = self.annotations(pair);
        self.tree.includes.push(Include { path, annotations });
    }

    fn namespace(&mut self, pair: &Pair<'t, Rule>) {
        let (mut scope, mut name) = (String::new(), Name::default());
        for part in pair.clone().into_inner() {
            match part.as_rule() {
                Rule::namespace_scope => scope = part.as_str().to_owned(),
                Rule::old_namespace => {
                    let language = language_of(part.as_str());
                    let span = self.span_of(&part);
                    let old = part.as_str();
                    self.found.push(
                        Diagnostic::new(Code::Deprecated, span, format!("`{old}` is the old way to write a namespace"))
                            .help(format!("write `namespace {language}`")),
                    );
                    scope = language.to_owned();
                }
                Rule::namespace_name => name = self.name(&part),
                Rule::literal => name = self.literal_name(&part),
                _ => {}
            }
        }
        let annotations = self.annotations(pair);
        self.tree.namespaces.push(Namespace { scope, name, annotations });
    }

    /// An enum of strings is a string to every peer that still reads it.
    fn senum(&mut self, pair: &Pair<'t, Rule>) -> Body {
        let span = inner(pair, Rule::kw_senum).next().map(|part| self.span_of(&part)).unwrap_or_default();
        self.found.push(
            Diagnostic::new(Code::Deprecated, span, "`senum` is no longer part of Thrift; it is read as a `string`")
                .help("use an `enum`, or `typedef string`"),
        );
        let shape = Shape::Named("string".to_owned());
        Body::Typedef { target: TypeRef { span, shape, annotations: Annotations::default() } }
    }

    fn enum_value(&mut self, pair: &Pair<'t, Rule>) -> EnumValue {
        EnumValue {
            name: inner(pair, Rule::identifier).next().map(|part| self.name(&part)).unwrap_or_default(),
            doc: self.doc(pair),
            number: inner(pair, Rule::integer).next().map(|part| self.integer(&part)),
            annotations: self.annotations(pair),
        }
    }

    pub(super) fn fields(&mut self, pair: &Pair<'t, Rule>) -> Vec<Field> {
        inner(pair, Rule::field).map(|part| self.field(part)).collect()
    }

    fn field(&mut self, pair: Pair<'t, Rule>) -> Field {
        let mut field = Field {
            id: None,
            name: Name::default(),
            doc: self.doc(&pair),
            presence: Presence::Unsaid,
            ty: nothing(),
            default: None,
            annotations: self.annotations(&pair),
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::field_id => field.id = inner(&part, Rule::integer).next().map(|id| self.integer(&id)),
                Rule::kw_required => field.presence = Presence::Required,
                Rule::kw_optional => field.presence = Presence::Optional,
                Rule::type_ref => field.ty = self.type_ref(part),
                Rule::identifier => field.name = self.name(&part),
                Rule::value => field.default = Some(self.value(part)),
                _ => {}
            }
        }
        field
    }

    fn function(&mut self, pair: Pair<'t, Rule>) -> Function {
        let mut function = Function {
            name: Name::default(),
            doc: self.doc(&pair),
            oneway: false,
            returns: None,
            args: Vec::new(),
            throws: Vec::new(),
            annotations: self.annotations(&pair),
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::kw_oneway => function.oneway = true,
                Rule::kw_async => {
                    function.oneway = true;
                    let span = self.span_of(&part);
                    let message = "`async` is the old word for `oneway`";
                    self.found.push(Diagnostic::new(Code::Deprecated, span, message).help("write `oneway`"));
                }
                Rule::type_ref => function.returns = Some(self.type_ref(part)),
                Rule::identifier => function.name = self.name(&part),
                Rule::arguments => function.args = self.fields(&part),
                Rule::throws => function.throws = self.fields(&part),
                _ => {}
            }
        }
        function
    }

    fn prefix(&mut self, pair: &Pair<'t, Rule>) -> Vec<(PrefixToken, Span)> {
        inner(pair, Rule::prefix_token)
            .filter_map(|token| token.into_inner().next())
            .map(|token| {
                let text = token.as_str();
                let variable = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                // As in Frugal, braces around anything but letters, digits and `_` are text like any other.
                let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let part = match variable.filter(plain) {
                    Some(name) => PrefixToken::Variable(name.to_owned()),
                    None => PrefixToken::Literal(text.to_owned()),
                };
                (part, self.span_of(&token))
            })
            .collect()
    }

    fn operation(&mut self, pair: &Pair<'t, Rule>) -> Operation {
        let mut annotations = self.annotations(pair);
        let mut ty = nothing();
        if let Some(part) = inner(pair, Rule::type_ref).next() {
            ty = self.type_ref(part);
            // Nothing stands between a payload's type and the operation's annotations, so the type takes them first.
            let end = ty.span.end;
            let behind = ty.annotations.0.extract_if(.., |annotation| annotation.span.start >= end);
            annotations.0.splice(0..0, behind);
        }
        Operation {
            name: inner(pair, Rule::identifier).next().map(|part| self.name(&part)).unwrap_or_default(),
            doc: self.doc(pair),
            ty,
            annotations,
        }
    }

    /// A type and the annotations after it.
    fn type_ref(&mut self, pair: Pair<'t, Rule>) -> TypeRef {
        let mut annotations = self.annotations(&pair);
        let Some(written) = pair.into_inner().next() else { return nothing() };
        annotations.0.splice(0..0, self.worded(&written));
        let span = self.span_of(&written);
        let shape = match written.as_rule() {
            Rule::identifier => {
                if written.as_str() == "slist" {
                    let message = "`slist` is no longer part of Thrift; it is read as a `string`";
                    self.found.push(Diagnostic::new(Code::Deprecated, span, message).help("write `string`"));
                }
                Shape::Named(written.as_str().to_owned())
            }
            rule => {
                let mut parts = inner(&written, Rule::type_ref).map(|part| Box::new(self.type_ref(part)));
                let mut next = || parts.next().unwrap_or_else(|| Box::new(nothing()));
                match rule {
                    Rule::map_type => Shape::Map(next(), next()),
                    Rule::set_type => Shape::Set(next()),
                    _ => Shape::List(next()),
                }
            }
        };
        TypeRef { span, shape, annotations }
    }

    fn value(&mut self, pair: Pair<'t, Rule>) -> Value {
        let Some(written) = pair.into_inner().next() else {
            return Value { span: Span::default(), kind: ValueKind::List(Vec::new()) };
        };
        let span = self.span_of(&written);
        let kind = match written.as_rule() {
            Rule::integer => ValueKind::Int(self.integer(&written).0),
            Rule::double => ValueKind::Double(self.double(&written)),
            Rule::literal => ValueKind::Text(self.literal(&written)),
            Rule::identifier => ValueKind::Name(written.as_str().to_owned()),
            Rule::list_value => ValueKind::List(inner(&written, Rule::value).map(|part| self.value(part)).collect()),
            _ => {
                let mut entries = Vec::new();
                let mut parts = inner(&written, Rule::value);
                while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                    entries.push((self.value(key), self.value(value)));
                }
                ValueKind::Map(entries)
            }
        };
        Value { span, kind }
    }

    fn integer(&mut self, pair: &Pair<'t, Rule>) -> (i64, Span) {
        let span = self.span_of(pair);
        let text = pair.as_str();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or(text)),
        };
        let (radix, digits) = digits.strip_prefix("0x").map_or((10, digits), |digits| (16, digits));
        let number = i64::from_str_radix(&format!("{sign}{digits}"), radix).unwrap_or_else(|_| {
            let message = "this number is larger than 64 bits can hold";
            let help = "whole numbers lie between -9223372036854775808 and 9223372036854775807";
            self.found.push(Diagnostic::new(Code::OutOfRange, span, message).help(help));
            0
        });
        (number, span)
    }

    /// A finite number. Any text the grammar takes for a double is one, but it may be too large.
    fn double(&mut self, pair: &Pair<'t, Rule>) -> f64 {
        let number: f64 = pair.as_str().parse().unwrap_or(f64::INFINITY);
        if number.is_finite() {
            return number;
        }
        let message = "this number is larger than a `double` can hold";
        self.found.push(Diagnostic::new(Code::OutOfRange, self.span_of(pair), message));
        0.0
    }

    fn literal(&mut self, pair: &Pair<'t, Rule>) -> Vec<u8> {
        literal::unquote(pair.as_str()).unwrap_or_else(|bad| {
            let start = self.offset + pair.as_span().start() + bad.offset;
            let span = self.span(start, start + bad.length);
            let escape = &self.text[start..start + bad.length];
            let message = format!("`{escape}` is no escape that means anything");
            let help =
                r"write `\\` for a backslash; escapes are \n \r \t \a \b \f \v \\ \' \x41 \101 \u00e9".to_owned();
            self.found.push(Diagnostic::new(Code::Syntax, span, message).help(help));
            Vec::new()
        })
    }

    /// A literal where text is wanted, such as a path or the value of an annotation.
    pub(super) fn text(&mut self, pair: &Pair<'t, Rule>) -> String {
        String::from_utf8(self.literal(pair)).unwrap_or_else(|_| {
            let span = self.span_of(pair);
            self.found.push(Diagnostic::new(Code::Syntax, span, "this string is not UTF-8 once its escapes are read"));
            String::new()
        })
    }

    fn literal_name(&mut self, pair: &Pair<'t, Rule>) -> Name {
        Name { text: self.text(pair), span: self.span_of(pair) }
    }

    fn name(&self, pair: &Pair<'t, Rule>) -> Name {
        let span = self.span_of(pair);
        Name { text: self.text[span.start as usize..span.end as usize].to_owned(), span }
    }

    fn doc(&self, pair: &Pair<'t, Rule>) -> Doc {
        doc::before(self.text, self.offset + pair.as_span().start())
    }

    /// Where a rule's text stands. A rule that ends in something optional also spans the white space and comments before
    /// what did not come, so the end is that of the last thing inside it.
    pub(super) fn span_of(&self, pair: &Pair<'t, Rule>) -> Span {
        let start = pair.as_span().start();
        let mut last = pair.clone();
        // An annotation's list may be empty, so a rule without text is passed over.
        while let Some(part) = last.clone().into_inner().filter(|part| !part.as_str().is_empty()).last() {
            last = part;
        }
        self.span(self.offset + start, self.offset + last.as_span().end())
    }
}

/// The parts of one kind directly inside a rule.
pub(super) fn inner<'t>(pair: &Pair<'t, Rule>, rule: Rule) -> impl Iterator<Item = Pair<'t, Rule>> + use<'t> {
    pair.clone().into_inner().filter(move |part| part.as_rule() == rule)
}

/// Stands in for a part that the grammar does not let go missing.
fn nothing() -> TypeRef {
    TypeRef { span: Span::default(), shape: Shape::Named(String::new()), annotations: Annotations::default() }
}

/// The language an old namespace keyword is for.
fn language_of(keyword: &str) -> &'static str {
    match keyword {
        "cpp_namespace" => "cpp",
        "php_namespace" => "php",
        "py_module" => "py",
        "perl_package" => "perl",
        "ruby_namespace" => "rb",
        "smalltalk_category" => "smalltalk.category",
        "smalltalk_prefix" => "smalltalk.prefix",
        "java_package" => "java",
        "cocoa_prefix" => "cocoa",
        "csharp_namespace" => "csharp",
        "delphi_namespace" => "delphi",
        _ => "xsd",
    }
}
