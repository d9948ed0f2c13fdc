//! Nothing that an IDL file says becomes markup, script or a link to anywhere but the web.

use std::path::PathBuf;

use thriftwood_build::html::{Page, generate};
use thriftwood_idl::model::{Annotations, Doc, Field, Model, PrefixToken};

use crate::checker::{check, read};
use crate::{model, page};

/// Texts that break out of something.
const TEXTS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</code></pre></title></script><script>alert(1)</script>",
    "<!-- -->]]>&#60;script&#62;&lt;b&gt;&amp;&",
    "[click](javascript:alert(1)) <javascript:alert(1)> [x](https://a.b/\"onclick=\"alert(1))",
    "`\"><b>` **<i>** {@link <u>} @see <s>\n- <li>\n# <h1>\n```\n</pre><script>\n```",
    "\u{0}\u{1b}[31m\u{7f}\u{9f}\u{202e}gnp\u{2028}\u{2029}\u{feff}\r",
    "window.idlIndex = {}; //\\\"\\",
    "index",
    "search",
    "results",
    "content",
    "constants",
    "../../etc/passwd",
    "con",
    "",
    " ",
    "ä/ß#?q=%00",
];

/// A file with everything in it.
const IDL: &str = "namespace * a.b\ninclude \"b.frugal\"\n/** D */ const string C = \"c\" (x = \"y\")\n/** D */ enum E { /** D */ V = 1 (x = \"y\") }\n\
    /** D */ typedef string T (example = \"e\")\n/** D */ struct S { /** D */ 1: T t = \"c\" (x = \"y\", deprecated = \"d\"), 2: b.P p }\n\
    union U { 1: T t }\nexception X { 1: T t }\n/** D */ service A extends b.B { /** D */ S f(/** D */ 1: S s) throws (/** D */ 1: X x) (deprecated) }\n\
    /** D */ scope O prefix p.{var} { /** D */ Op: S (x = \"y\") }\n";
const INCLUDED: &str = "struct P { 1: i32 x }\nservice B { void g() }\n";

/// The site of a file that says `text` wherever a file can say anything.
fn site(text: &str) -> Vec<Page> {
    let mut model = model(&[("a.frugal", IDL), ("b.frugal", INCLUDED)]);
    poison(&mut model, text);
    generate(&model)
}

#[test]
fn no_text_becomes_markup() {
    for text in TEXTS {
        let findings = check(&site(text));
        assert!(findings.is_empty(), "{text:?}:\n{}", findings.join("\n"));
    }
}

#[test]
fn a_hostile_text_is_still_there_to_be_read() {
    let pages = site(TEXTS[0]);
    let shown = pages.iter().filter(|page| page.name.ends_with(".html")).map(|page| read(&page.text).text);
    assert!(shown.filter(|text| text.contains(TEXTS[0])).count() > 1);
}

#[test]
fn no_link_leads_to_a_script() {
    for text in TEXTS {
        for page in site(text) {
            let lower = page.text.to_lowercase();
            assert!(
                !lower.contains("href=\"javascript:") && !lower.contains("href=\"data:text"),
                "{text:?}: {}",
                page.name
            );
        }
    }
}

#[test]
fn the_search_index_stays_one_assignment() {
    for text in TEXTS {
        let pages = site(text);
        let script = page(&pages, "search-index.js");
        let json = script.trim().strip_prefix("window.idlIndex = ").and_then(|rest| rest.strip_suffix(';'));
        let index = serde_json::from_str::<serde_json::Value>(json.expect("the index is one assignment"));
        assert!(index.is_ok(), "{text:?}: {index:?}");
        assert!(!script.contains(['\u{2028}', '\u{2029}', '\0']), "{text:?}");
    }
}

#[test]
fn a_page_is_a_file_in_the_sites_folder_whatever_the_idl_is_called() {
    for text in TEXTS {
        for page in site(text) {
            let plain = page.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            assert!(plain && !page.name.starts_with('.'), "{text:?}: {:?}", page.name);
        }
    }
}

/// Says `text` in every place of the model that holds a name or a text.
fn poison(model: &mut Model, text: &str) {
    let say = |place: &mut String| text.clone_into(place);
    let doc = |doc: &mut Doc| *doc = Some(text.to_owned());
    let annotations = |annotations: &mut Annotations| {
        for annotation in &mut annotations.0 {
            // These two are known by their names.
            if !matches!(&*annotation.name, "deprecated" | "example") {
                say(&mut annotation.name);
            }
            say(&mut annotation.value);
        }
    };
    let fields = |fields: &mut Vec<Field>| {
        for field in fields {
            say(&mut field.name);
            doc(&mut field.doc);
            annotations(&mut field.annotations);
            if let Some(thriftwood_idl::model::ConstValue::String(value)) = &mut field.default {
                say(value);
            }
        }
    };
    macro_rules! each {
        ($list:expr) => {
            for def in &mut $list {
                say(&mut def.name);
                doc(&mut def.doc);
                annotations(&mut def.annotations);
            }
        };
    }
    for file in &mut model.files {
        file.path = PathBuf::from(format!("{text}.frugal"));
        say(&mut file.name);
        file.namespaces.iter_mut().for_each(|namespace| {
            say(&mut namespace.name);
            say(&mut namespace.scope);
        });
        each!(file.consts);
        each!(file.enums);
        file.enums.iter_mut().for_each(|def| each!(def.values));
        each!(file.typedefs);
        each!(file.structs);
        file.structs.iter_mut().for_each(|def| fields(&mut def.fields));
        each!(file.services);
        for service in &mut file.services {
            each!(service.functions);
            for function in &mut service.functions {
                fields(&mut function.args);
                fields(&mut function.throws);
            }
        }
        each!(file.scopes);
        for scope in &mut file.scopes {
            each!(scope.operations);
            for token in &mut scope.prefix.tokens {
                let (PrefixToken::Literal(name) | PrefixToken::Variable(name)) = token;
                say(name);
            }
        }
        for def in &mut file.consts {
            def.value = thriftwood_idl::model::ConstValue::String(text.to_owned());
        }
    }
}
