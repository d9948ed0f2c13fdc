//! What all pages have in common: the head, the bar with the search, the contents beside the text.

use thriftwood_idl::model::{Annotations, FileId};

use super::example::Example;
use super::markup::Html;
use super::places::Target;
use super::{MARK, Site, text, types};

/// A page around its contents and its text.
pub(super) fn page(
    site: &Site<'_>,
    title: &str,
    contents: impl FnOnce(&mut Html),
    text: impl FnOnce(&mut Html),
) -> String {
    let name = site_name(site);
    let title = if title == name { name.clone() } else { format!("{title} · {name}") };
    let mut h = Html::default();
    h.raw("<!doctype html>\n");
    h.element("html", &[("lang", "en")], |h| {
        h.element("head", &[], |h| head(h, &title));
        h.element("body", &[], |h| {
            h.leaf("a", &[("class", "skip"), ("href", "#content")], "Skip to the content");
            h.raw("\n");
            bar(h, &name);
            h.element("div", &[("class", "columns")], |h| {
                h.element("nav", &[("aria-label", "Contents")], |h| {
                    h.element("details", &[("id", "contents"), ("open", "")], |h| {
                        h.leaf("summary", &[], "Contents");
                        contents(h);
                    });
                });
                h.element("main", &[("id", "content"), ("tabindex", "-1")], text);
            });
        });
    });
    h.into_text()
}

/// What the site is called: as its file, where only one was asked for.
pub(super) fn site_name(site: &Site<'_>) -> String {
    match site.model.roots[..] {
        [only] => site.places.label(only).to_owned(),
        _ => "IDL reference".to_owned(),
    }
}

fn head(h: &mut Html, title: &str) {
    h.void("meta", &[("charset", "utf-8")]);
    h.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    h.raw(MARK);
    h.raw("\n");
    h.leaf("title", &[], title);
    // Without it a browser asks the server for /favicon.ico.
    h.void("link", &[("rel", "icon"), ("href", "data:,")]);
    h.void("link", &[("rel", "stylesheet"), ("href", "style.css")]);
    // Not deferred: the theme is set before anything is shown.
    h.leaf("script", &[("src", "site.js")], "");
    h.leaf("script", &[("src", "search-index.js"), ("defer", "")], "");
}

/// The bar at the top. The search and the theme need the script, which shows them.
fn bar(h: &mut Html, name: &str) {
    h.element("header", &[], |h| {
        h.leaf("a", &[("class", "brand"), ("href", "index.html")], name);
        h.element("form", &[("id", "search-form"), ("role", "search"), ("hidden", "")], |h| {
            h.leaf("label", &[("for", "search"), ("class", "unseen")], "Search");
            h.void(
                "input",
                &[
                    ("id", "search"),
                    ("type", "search"),
                    ("placeholder", "Search, or press /"),
                    ("autocomplete", "off"),
                    ("spellcheck", "false"),
                    ("aria-keyshortcuts", "/"),
                    ("aria-controls", "results"),
                ],
            );
        });
        h.leaf("button", &[("id", "theme"), ("type", "button"), ("hidden", "")], "Theme");
    });
    h.element("section", &[("id", "results"), ("aria-label", "Search results"), ("hidden", "")], |h| {
        h.leaf("p", &[("id", "results-count"), ("role", "status")], "");
        h.leaf("ul", &[("id", "results-list")], "");
    });
}

/// The heading of a definition, with its anchor and a link to itself. `heading` is `h3` or `h4`.
pub(super) fn heading(
    h: &mut Html,
    site: &Site<'_>,
    heading: &'static str,
    target: Target,
    keyword: &str,
    name: &str,
    body: impl FnOnce(&mut Html),
) {
    let anchor = site.places.anchor(target);
    h.element(heading, &[("id", anchor)], |h| {
        if !keyword.is_empty() {
            h.leaf("span", &[("class", "keyword")], keyword);
            h.text(" ");
        }
        h.leaf("span", &[("class", "name")], name);
        body(h);
        h.text(" ");
        let label = format!("Link to {name}");
        h.leaf("a", &[("class", "anchor"), ("href", &format!("#{anchor}")), ("aria-label", &label)], "#");
    });
}

/// A heading in the contents, with a link to each definition below it.
pub(super) fn contents(
    h: &mut Html,
    site: &Site<'_>,
    from: FileId,
    section: &str,
    title: &str,
    entries: &[(Target, &str, &Annotations, Option<&str>)],
) {
    if entries.is_empty() {
        return;
    }
    h.leaf("a", &[("class", "group"), ("href", &format!("#{section}"))], title);
    h.element("ul", &[], |h| {
        for (target, name, annotations, doc) in entries {
            let href = site.places.href(Some(from), *target);
            let old = types::deprecated(annotations, *doc).is_some();
            h.element("li", &[], |h| types::name_link(h, &href, name, old));
        }
    });
}

/// A fact and its name, in a list of them.
pub(super) fn fact(h: &mut Html, name: &str, body: impl FnOnce(&mut Html)) {
    h.leaf("dt", &[], name);
    h.element("dd", &[], body);
}

/// What a definition says about itself: that it is deprecated, its doc comment, its annotations.
pub(super) fn about(h: &mut Html, site: &Site<'_>, from: FileId, annotations: &Annotations, doc: Option<&str>) {
    types::deprecation(h, annotations, doc);
    text::doc(h, doc, &|name| site.places.lookup(site.model, from, name));
    types::annotations(h, annotations);
}

/// Whether [`about`] has anything to show.
pub(super) fn says_something(annotations: &Annotations, doc: Option<&str>) -> bool {
    doc.is_some() || annotations.0.iter().any(|annotation| annotation.name != "example")
}

/// Something that can be folded away, and is at first unless it is `open`.
pub(super) fn folded(h: &mut Html, summary: &str, open: bool, body: impl FnOnce(&mut Html)) {
    let attributes = [("class", "example"), ("open", "")];
    h.element("details", if open { &attributes } else { &attributes[..1] }, |h| {
        h.leaf("summary", &[], summary);
        body(h);
    });
}

/// An example in JSON.
pub(super) fn json(h: &mut Html, example: &Example) {
    // Whoever walks through the page by keyboard can scroll it.
    h.element("pre", &[("class", "json"), ("tabindex", "0")], |h| {
        h.element("code", &[], |h| example.json.write(h));
    });
    if example.cut {
        h.leaf("p", &[("class", "quiet")], "Cut short where a type holds itself or nests on and on.");
    }
}
