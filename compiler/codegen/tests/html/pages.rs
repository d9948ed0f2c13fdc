//! What is on the pages, and where their links lead.

use std::path::Path;

use serde_json::Value;
use thriftwood_build::html::generate;
use thriftwood_idl::Options;

use crate::checker::{check, read};
use crate::{model, page, site, site_of};

const MUSIC: &str = "../../idl-examples/idl/music.frugal";
const EVERYTHING: &str = "tests/golden/idl/everything.frugal";

#[test]
fn every_page_is_well_formed_and_every_link_leads_somewhere() {
    for path in [MUSIC, EVERYTHING] {
        let findings = check(&site_of(path));
        assert!(findings.is_empty(), "{path}:\n{}", findings.join("\n"));
    }
}

/// `THRIFTWOOD_BLESS=1` writes the page anew instead of comparing it.
#[test]
fn the_page_of_the_music_example_is_as_kept() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/music.html");
    let pages = site_of(MUSIC);
    let generated = page(&pages, "music.html");
    if std::env::var_os("THRIFTWOOD_BLESS").is_some() {
        return std::fs::write(golden, generated).expect("the golden file is written");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = kept.lines().zip(generated.lines()).enumerate().find(|(_, (kept, generated))| kept != generated);
    if let Some((line, (kept, generated))) = differs {
        panic!("music.html:{}\n     kept: {kept}\ngenerated: {generated}\nTHRIFTWOOD_BLESS=1 writes it anew", line + 1);
    }
    assert_eq!(kept.len(), generated.len(), "music.html ends elsewhere; THRIFTWOOD_BLESS=1 writes it anew");
}

#[test]
fn anchors_are_those_of_frugal() {
    let pages = site(
        "const i32 LIMIT = 1\nenum Format { CD }\ntypedef i32 Id\nstruct Album { 1: Id id }\nexception Sold {}\n\
         service Store { void buy() }\nscope Winners { Won: Album }\n",
    );
    let ids = read(page(&pages, "a.html")).ids;
    for anchor in [
        "const_LIMIT",
        "enum_Format",
        "typedef_Id",
        "struct_Album",
        "struct_Sold",
        "svc_Store",
        "fn_Store_buy",
        "scp_Winners",
        "fn_Winners_Won",
        "struct_Album.id",
        "enum_Format.CD",
    ] {
        assert!(ids.contains(anchor), "there is no {anchor} in {ids:?}");
    }
}

#[test]
fn names_that_share_frugals_anchor_have_one_each() {
    let pages = site("service A { void b_c() }\nservice A_b { void c() }\nscope A { b_c: i32 }\n");
    assert_eq!(check(&pages), Vec::<String>::new());
    let ids = read(page(&pages, "a.html")).ids;
    for anchor in ["fn_A_b_c", "fn_A_b_c-2", "fn_A_b_c-3"] {
        assert!(ids.contains(anchor), "there is no {anchor} in {ids:?}");
    }
}

#[test]
fn a_definition_links_to_what_it_uses_and_back_across_files() {
    let pages = generate(&model(&[
        (
            "a.frugal",
            "include \"b.frugal\"\nstruct Album { 1: list<b.Price> prices }\nservice Store extends b.Base {}\n",
        ),
        ("b.frugal", "struct Price { 1: i64 micros }\nservice Base { void ping() }\n"),
    ]));
    assert_eq!(check(&pages), Vec::<String>::new());
    let (a, b) = (page(&pages, "a.html"), page(&pages, "b.html"));
    for link in ["b.html#struct_Price\">b.Price</a>", "b.html#svc_Base\">b.Base</a>", "b.html#fn_Base_ping\">ping</a>"]
    {
        assert!(a.contains(link), "a.html has no {link}");
    }
    for link in
        ["a.html#struct_Album.prices\">a.Album.prices</a>", "a.html#svc_Store\">a.Store</a>", "a.html\">a.frugal</a>"]
    {
        assert!(b.contains(link), "b.html has no {link}");
    }
}

#[test]
fn a_page_says_what_the_idl_says() {
    let pages = site(
        "namespace * v1.shop\nnamespace go shop\n\
         struct Line { 1: required i32 count = 3, 2: optional string note (deprecated = \"nobody reads it\"), 7: i16 rest }\n\
         exception Sold { 1: string why } \n\
         service Store {\n\
           /** Buys it.\n * @param id Which one. */\n Line Buy(1: i32 id) throws (1: Sold sold) (idempotent, cost = \"high\"),\n\
           oneway void tell(),\n\
         }\n\
         scope winners prefix v1.{region} { /** It was won. */ Won: Line }\n",
    );
    let read = read(page(&pages, "a.html"));
    let text: String = read.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "v1.shop, shop for go",
        "1 count i32 = 3 required",
        "2 note string optional Deprecated: nobody reads it",
        "7 rest i16 default",
        "Line Buy(1: i32 id) throws (1: Sold sold)",
        "Parameter id Which one.",
        "Annotations idempotent cost = \"high\"",
        "On the wire buy ",
        "oneway void tell()",
        "On the wire tell, and nobody waits for an answer",
        "Topic v1.{region}.Winners.Won",
        "Variable {region}.",
        "It was won.",
        "Used by Store.Buy, winners.Won",
        "Used or thrown by Store.Buy",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn what_is_deprecated_is_crossed_out_wherever_it_is_listed() {
    let pages = site(
        "enum E { A (deprecated) }\n/** Gone.\n * @deprecated use E */\nstruct S {}\nservice V { void f() (deprecated = \"no\") }\n\
         scope O { Op: S (deprecated) }\n",
    );
    for (name, struck) in [("a.html", "A"), ("a.html", "S"), ("index.html", "f"), ("index.html", "O.Op")] {
        assert!(page(&pages, name).contains(&format!("<s>{struck}</s></a>")), "{name} does not cross out {struck}");
    }
}

#[test]
fn the_search_index_names_everything_and_leads_to_it() {
    let pages = site_of(EVERYTHING);
    let script = page(&pages, "search-index.js");
    let json = script.trim().strip_prefix("window.idlIndex = ").and_then(|rest| rest.strip_suffix(';'));
    let index: Value = serde_json::from_str(json.expect("the index is one assignment")).expect("the index is JSON");
    let entries = index["entries"].as_array().expect("there are entries");
    let mut seen = Vec::new();
    for entry in entries {
        let [kind, owner, name, file, anchor, _] = &entry.as_array().expect("an entry")[..] else { panic!("{entry}") };
        let target = index["pages"][file.as_u64().expect("a page") as usize].as_str().expect("a page's name");
        let anchor = anchor.as_str().expect("an anchor");
        assert!(anchor.is_empty() || read(page(&pages, target)).ids.contains(anchor), "{entry} leads nowhere");
        seen.push(format!(
            "{} {}.{}",
            kind.as_str().unwrap_or(""),
            owner.as_str().unwrap_or(""),
            name.as_str().unwrap_or("")
        ));
    }
    for wanted in [
        "file .everything.frugal",
        "const .ANSWER",
        "enum .Colour",
        "value Colour.RED",
        "typedef .Id",
        "struct .Everything",
        "field Everything.blob",
        "union .Choice",
        "exception .Refused",
        "service .Full",
        "function Full.gather",
        "scope .events",
        "event events.Made",
        "struct .Point",
    ] {
        assert!(seen.iter().any(|seen| seen == wanted), "{wanted} is not in the index");
    }
}

#[test]
fn a_file_that_defines_nothing_has_a_page_too() {
    let pages = site("");
    assert_eq!(check(&pages), Vec::<String>::new());
    assert!(page(&pages, "a.html").contains("This file defines nothing."));
}

#[test]
fn the_same_model_gives_the_same_site() {
    assert_eq!(site_of(EVERYTHING), site_of(EVERYTHING));
}

/// Real files say things nobody thinks of. The corpus stands beside this repository where there is one.
#[test]
fn the_pages_of_every_file_of_the_corpus_are_sound() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(index) = std::fs::read_to_string(corpus.join("SOURCES.tsv")) else {
        println!(
            "SKIPPED the_pages_of_every_file_of_the_corpus_are_sound: there is no corpus beside the repository; it is \
             never required"
        );
        return;
    };
    let local = |path: &str| corpus.join(path.strip_prefix("shared/").unwrap_or(path));
    let mut columns = index.lines().next().unwrap_or_default().split('\t');
    let dirs = columns.position(|column| column == "include_dirs").expect("there is a column of folders");
    let mut checked = 0;
    for line in index.lines().skip(1) {
        let values: Vec<&str> = line.split('\t').collect();
        let path = local(values[1]);
        let include_dirs = values[dirs].split(';').filter(|dir| !dir.is_empty()).map(local).collect();
        let options = Options { include_dirs, ..Options::default() };
        let compilation = thriftwood_idl::compile(&[&path], &options);
        let Some(model) = compilation.model else { continue };
        let findings = check(&generate(&model));
        assert!(findings.is_empty(), "{}:\n{}", path.display(), findings.join("\n"));
        checked += 1;
    }
    assert!(checked > 500, "only {checked} files were checked");
}
