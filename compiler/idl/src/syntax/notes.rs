//! What a definition, field or type is annotated with: in brackets, or in one of the words and marks that Thrift has for C++ and XSD.

use pest::iterators::Pair;

use super::grammar::Rule;
use super::reader::{Reader, inner};
use super::tree::{Shape, TypeRef};
use crate::model::{Annotation, Annotations};

impl<'t> Reader<'t> {
    /// The annotations directly inside a rule.
    pub(super) fn annotations(&mut self, pair: &Pair<'t, Rule>) -> Annotations {
        let mut read = self.worded(pair);
        if let Some(list) = inner(pair, Rule::annotations).next() {
            read.extend(inner(&list, Rule::annotation).map(|part| {
                let name = inner(&part, Rule::annotation_name).next().map_or("", |name| name.as_str());
                self.annotation(name, &part)
            }));
        }
        let within = self.span_of(pair);
        read.iter().for_each(|annotation| self.allow(annotation, within));
        Annotations(read)
    }

    /// What Thrift says in words of their own, by those words: `cpp_type "std::set"` is an annotation `cpp_type` of the type.
    pub(super) fn worded(&mut self, pair: &Pair<'t, Rule>) -> Vec<Annotation> {
        let parts = pair.clone().into_inner().filter_map(|part| {
            let name = match part.as_rule() {
                Rule::cpp_type => "cpp_type",
                Rule::reference => "&",
                Rule::kw_xsd_all => "xsd_all",
                Rule::kw_xsd_optional => "xsd_optional",
                Rule::kw_xsd_nillable => "xsd_nillable",
                Rule::xsd_attributes => {
                    let fields = self.fields(&part).into_iter().map(|field| match field.id {
                        Some((id, _)) => format!("{id}: {} {}", spelled(&field.ty), field.name.text),
                        None => format!("{} {}", spelled(&field.ty), field.name.text),
                    });
                    let value = fields.collect::<Vec<String>>().join(", ");
                    return Some(Annotation { name: "xsd_attrs".to_owned(), value, span: self.span_of(&part) });
                }
                _ => return None,
            };
            Some(self.annotation(name, &part))
        });
        parts.collect()
    }

    fn annotation(&mut self, name: &str, pair: &Pair<'t, Rule>) -> Annotation {
        let value = inner(pair, Rule::literal).next().map(|value| self.text(&value)).unwrap_or_default();
        Annotation { name: name.to_owned(), value, span: self.span_of(pair) }
    }
}

/// A type as the IDL has it, in one line.
fn spelled(ty: &TypeRef) -> String {
    match &ty.shape {
        Shape::Named(name) => name.clone(),
        Shape::List(element) => format!("list<{}>", spelled(element)),
        Shape::Set(element) => format!("set<{}>", spelled(element)),
        Shape::Map(key, value) => format!("map<{}, {}>", spelled(key), spelled(value)),
    }
}
