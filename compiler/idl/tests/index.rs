//! Where names are declared and used, as an editor asks for it.

#![allow(clippy::expect_used, reason = "a test whose parts are missing has failed")]

mod support;

use std::path::Path;

use support::Memory;
use thriftwood_idl::index::{DeclarationId, Index, Kind, Target};
use thriftwood_idl::source::{Sources, Span};
use thriftwood_idl::{Options, compile_indexed};

const COMMON: &str = "struct Price { 1: i64 cents }\nconst i32 LIMIT = 10\nservice Base { void ping() }\n";

/// The index of a text that may include `common.frugal`.
struct Indexed {
    sources: Sources,
    index: Index,
    main: u32,
}

impl Indexed {
    fn new(text: &str) -> Self {
        let files = Memory::new(&[("main.frugal", text), ("common.frugal", COMMON)]);
        let (compilation, index) = compile_indexed(&files, &["main.frugal"], &Options::default());
        let paths = compilation.sources.paths();
        let main = paths.zip(0..).find(|(path, _)| *path == Path::new("main.frugal")).expect("the file was read").1;
        Self { sources: compilation.sources, index, main }
    }

    fn text(&self, span: Span) -> &str {
        let source = self.sources.get(span.source).expect("the text is there");
        &source.text[span.start as usize..span.end as usize]
    }

    /// What the name at the first place of `within` means: the path of the declaration, or of the file.
    fn at(&self, within: &str, name: &str) -> String {
        let text = &self.sources.get(self.main).expect("the text is there").text;
        let start = text.find(within).expect("the text has it") + within.find(name).expect("it has the name");
        let Some((span, target)) = self.index.at(self.main, u32::try_from(start).expect("it is short")) else {
            return "nothing".to_owned();
        };
        assert_eq!(self.text(span), name);
        self.name(target)
    }

    fn name(&self, target: Target) -> String {
        match target {
            Target::File(source) => self.sources.get(source).expect("the file is there").path.display().to_string(),
            Target::Declaration(id) => {
                let declaration = self.index.declaration(id).expect("ids lead somewhere");
                assert_eq!(self.text(declaration.span), declaration.name);
                match declaration.owner {
                    Some(owner) => format!("{}.{}", self.name(Target::Declaration(owner)), declaration.name),
                    None => declaration.name.clone(),
                }
            }
        }
    }

    fn id(&self, name: &str) -> DeclarationId {
        let found = self.index.declarations().find(|(id, _)| self.name(Target::Declaration(*id)) == name);
        found.unwrap_or_else(|| panic!("{name} is not declared")).0
    }

    fn uses(&self, name: &str) -> Vec<&str> {
        let uses = self.index.uses_of(Target::Declaration(self.id(name)));
        uses.map(|span| {
            let text = &self.sources.get(span.source).expect("the text is there").text;
            let start = text[..span.start as usize].rfind('\n').map_or(0, |newline| newline + 1);
            text[start..].lines().next().expect("a use is on a line").trim()
        })
        .collect()
    }
}

#[test]
fn a_type_leads_to_its_declaration_wherever_it_is_written() {
    let indexed = Indexed::new(
        "struct Album { 1: map<Asin, list<Track>> tracks }\nstruct Track {}\ntypedef string Asin\n\
         service Store { Album get(1: Asin asin) throws (1: Gone gone) }\nexception Gone {}\n\
         scope Wins { Win: Album }\ntypedef Album Record\n",
    );
    assert_eq!(indexed.at("map<Asin", "Asin"), "Asin");
    assert_eq!(indexed.at("list<Track>", "Track"), "Track");
    assert_eq!(indexed.at("Album get", "Album"), "Album");
    assert_eq!(indexed.at("1: Asin asin", "Asin"), "Asin");
    assert_eq!(indexed.at("Gone gone", "Gone"), "Gone");
    assert_eq!(indexed.at("Win: Album", "Album"), "Album");
    assert_eq!(indexed.at("string Asin", "string"), "nothing");
    assert_eq!(indexed.uses("Album").len(), 3);
    assert_eq!(indexed.index.resolved(indexed.id("Record")), indexed.id("Album"));
}

#[test]
fn a_name_of_an_included_file_is_a_use_of_the_file_and_of_what_it_declares() {
    let indexed = Indexed::new(
        "include \"common.frugal\"\nstruct Album { 1: common.Price price, 2: i32 most = common.LIMIT }\n\
         service Store extends common.Base {}\n",
    );
    assert_eq!(indexed.at("common.Price", "common"), "common.frugal");
    assert_eq!(indexed.at(".Price", "Price"), "Price");
    assert_eq!(indexed.at(".LIMIT", "LIMIT"), "LIMIT");
    assert_eq!(indexed.at("extends common.Base", "common"), "common.frugal");
    assert_eq!(indexed.at(".Base", "Base"), "Base");
    assert_eq!(indexed.at("\"common.frugal\"", "\"common.frugal\""), "common.frugal");
    let service = indexed.index.declaration(indexed.id("Store")).expect("it is declared");
    assert_eq!(service.of, Some(indexed.id("Base")));
}

#[test]
fn a_value_leads_to_constants_enum_values_and_fields() {
    let indexed = Indexed::new(
        "enum Format { CD = 1, LP = 7 }\nstruct Shelf { 1: Format format = Format.LP, 2: Track track = {\"title\": HIT} }\n\
         struct Track { 1: string title }\nconst string HIT = \"x\"\nconst list<Format> ALL = [CD, Format.LP]\n\
         const map<string, i32> COUNTS = {HIT: Format.CD}\n",
    );
    assert_eq!(indexed.at("= Format.LP", "Format"), "Format");
    assert_eq!(indexed.at(".LP", "LP"), "Format.LP");
    assert_eq!(indexed.at("\"title\"", "title"), "Track.title");
    assert_eq!(indexed.at(": HIT}", "HIT"), "HIT");
    assert_eq!(indexed.at("[CD", "CD"), "Format.CD");
    assert_eq!(indexed.at("{HIT", "HIT"), "HIT");
    assert_eq!(indexed.at("Format.CD}", "CD"), "Format.CD");
    assert_eq!(indexed.uses("Format.LP").len(), 2);
    let value = indexed.index.declaration(indexed.id("Format.LP")).expect("it is declared");
    assert_eq!(value.kind, Kind::EnumValue(7));
}

#[test]
fn a_file_with_errors_is_indexed_all_the_same() {
    let indexed = Indexed::new(
        "include \"common.frugal\"\ninclude \"nowhere.frugal\"\nstruct Album { 1: common.Price price, 2: Nope nope }\n\
         struct Album {}\ntypedef Loop Loop\nconst Nope X = {\"a\": Format.CD}\nenum Format { CD }\n\
         service Store extends Album { Album get() throws (1: Album album) }\n",
    );
    assert_eq!(indexed.at(".Price", "Price"), "Price");
    assert_eq!(indexed.at("Nope nope", "Nope"), "nothing");
    assert_eq!(indexed.at("Format.CD}", "CD"), "Format.CD");
    assert_eq!(indexed.at("Album get", "Album"), "Album");
    assert_eq!(indexed.index.resolved(indexed.id("Loop")), indexed.id("Loop"));
}

#[test]
fn the_name_of_a_definition_that_is_being_written_is_kept() {
    let indexed = Indexed::new(
        "struct Album { 1: Tra }\n\n/** The shop. */\nservice Store { Album get( }\ntypedef Album Record\n",
    );
    let store = indexed.index.declaration(indexed.id("Store")).expect("it is declared");
    assert_eq!((&store.kind, store.doc.as_deref()), (&Kind::Service, Some("The shop.")));
    assert_eq!(indexed.at("typedef Album", "Album"), "Album");
    assert!(!indexed.index.files.iter().any(|file| file.source == indexed.main && file.whole));
}

#[test]
fn what_can_be_named_in_a_file_comes_with_the_name_of_its_include() {
    let indexed = Indexed::new("include \"common.frugal\"\nstruct Album { 1: i32 a }\n");
    let visible = indexed.index.visible(indexed.main).map(|(include, _, each)| (include, each.name.as_str()));
    let mut visible: Vec<_> = visible.collect();
    visible.sort_unstable();
    assert_eq!(
        visible,
        [(None, "Album"), (Some("common"), "Base"), (Some("common"), "LIMIT"), (Some("common"), "Price")]
    );
}

#[test]
fn members_follow_their_owner_and_lie_within_it() {
    let indexed = Indexed::new(
        "service Store { oneway void rate(1: i32 stars, 2: i32 more), i32 count() }\nenum Format { CD = 1 (a = \"b\"), LP }\n",
    );
    let members = |name: &str| {
        let members = indexed.index.members(indexed.id(name));
        members.map(|(_, member)| member.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(members("Store"), ["rate", "count"]);
    assert_eq!(members("Store.rate"), ["stars", "more"]);
    assert_eq!(members("Format"), ["CD", "LP"]);
    for declaration in &indexed.index.declarations {
        let inside = |outer: Span, inner: Span| outer.start <= inner.start && inner.end <= outer.end;
        assert!(inside(declaration.extent, declaration.span), "{}", declaration.name);
        if let Some(owner) = declaration.owner.and_then(|id| indexed.index.declaration(id)) {
            assert!(inside(owner.extent, declaration.extent), "{}", declaration.name);
        }
    }
}
