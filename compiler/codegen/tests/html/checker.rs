//! A strict reader of the HTML that the generator may write: what is not on its lists is a finding, so that markup smuggled
//! in by an IDL file cannot pass for the generator's own.

use std::collections::{HashMap, HashSet};

use thriftwood_build::html::Page;

const TAGS: &[&str] = &[
    "a", "body", "button", "code", "dd", "details", "div", "dl", "dt", "form", "h1", "h2", "h3", "h4", "head",
    "header", "html", "label", "li", "main", "nav", "ol", "p", "pre", "s", "script", "section", "small", "span",
    "strong", "summary", "table", "tbody", "td", "th", "thead", "title", "tr", "ul", "var",
];
const VOID: &[&str] = &["input", "link", "meta"];
const ATTRIBUTES: &[&str] = &[
    "aria-controls",
    "aria-keyshortcuts",
    "aria-label",
    "aria-labelledby",
    "autocomplete",
    "charset",
    "class",
    "content",
    "defer",
    "dir",
    "for",
    "hidden",
    "href",
    "id",
    "lang",
    "name",
    "open",
    "placeholder",
    "rel",
    "role",
    "scope",
    "spellcheck",
    "src",
    "tabindex",
    "title",
    "type",
];
/// What a page may load.
const LOADED: &[&str] = &["site.js", "search-index.js", "style.css", "data:,"];

/// One page, read.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) ids: HashSet<String>,
    /// Where its links lead.
    hrefs: Vec<String>,
    /// The text of each element of class `json`.
    pub(crate) json: Vec<String>,
    /// All of its text.
    pub(crate) text: String,
    findings: Vec<String>,
}

/// Everything that is wrong with a site.
pub(crate) fn check(pages: &[Page]) -> Vec<String> {
    let read: HashMap<&str, Read> = pages
        .iter()
        .filter(|page| page.name.ends_with(".html"))
        .map(|page| (&*page.name, self::read(&page.text)))
        .collect();
    let mut findings = Vec::new();
    for (name, page) in &read {
        findings.extend(page.findings.iter().map(|finding| format!("{name}: {finding}")));
        let dead = page.hrefs.iter().filter(|href| !leads_somewhere(&read, name, href));
        findings.extend(dead.map(|href| format!("{name}: the link to {href:?} leads nowhere")));
        let wrong =
            page.json.iter().filter_map(|json| Some((json, serde_json::from_str::<serde_json::Value>(json).err()?)));
        findings.extend(wrong.map(|(json, error)| format!("{name}: is no JSON, {error}: {json}")));
    }
    findings.sort();
    findings
}

fn leads_somewhere(pages: &HashMap<&str, Read>, from: &str, href: &str) -> bool {
    if href.starts_with("https://") || href.starts_with("http://") {
        return true;
    }
    let (page, anchor) = href.split_once('#').map_or((href, None), |(page, anchor)| (page, Some(anchor)));
    let page = pages.get(if page.is_empty() { from } else { page });
    page.is_some_and(|page| anchor.is_none_or(|anchor| page.ids.contains(anchor)))
}

/// Reads one page.
pub(crate) fn read(html: &str) -> Read {
    let mut page = Read::default();
    let mut open: Vec<(&str, bool)> = Vec::new();
    let Some(mut rest) = html.strip_prefix("<!doctype html>") else {
        page.findings.push("does not start with its doctype".to_owned());
        return page;
    };
    while let Some(at) = rest.find('<') {
        text(&mut page, &open, &rest[..at]);
        let Some(end) = rest[at..].find('>') else {
            page.findings.push(format!("a tag does not end: {:?}", start_of(&rest[at..])));
            return page;
        };
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some((opened, _)) if opened == name => {}
                other => page.findings.push(format!("</{name}> closes {other:?}")),
            }
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap_or_default();
        let attributes = attributes(&mut page, &tag[name.len()..]);
        let is_json = attributes.iter().any(|(name, value)| name == "class" && value == "json");
        element(&mut page, name, attributes);
        if !VOID.contains(&name) {
            open.push((name, is_json));
            if is_json {
                page.json.push(String::new());
            }
        }
    }
    text(&mut page, &[], rest);
    if !open.is_empty() {
        page.findings.push(format!("{open:?} are not closed"));
    }
    page
}

fn element(page: &mut Read, name: &str, attributes: Vec<(String, String)>) {
    if !TAGS.contains(&name) && !VOID.contains(&name) {
        page.findings.push(format!("<{name}> is not one of the generator's elements"));
    }
    for (attribute, value) in attributes {
        match &*attribute {
            "id" if value.is_empty() || value.contains(char::is_whitespace) => {
                page.findings.push(format!("{value:?} cannot be an id"));
            }
            "id" if !page.ids.insert(value.clone()) => {
                page.findings.push(format!("the id {value:?} is there twice"));
            }
            "id" => {}
            "href" if name == "a" => page.hrefs.push(value),
            "href" | "src" if !LOADED.contains(&&*value) => page.findings.push(format!("loads {value:?}")),
            other if !ATTRIBUTES.contains(&other) => page.findings.push(format!("has the attribute {other:?}")),
            _ => {}
        }
    }
}

/// The attributes of a tag: `name` or `name="value"`.
fn attributes(page: &mut Read, mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return found;
        }
        let end = rest.find([' ', '=', '\n']).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix('=') {
            let Some((inside, after)) = quoted.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) else {
                page.findings.push(format!("the attribute {name:?} is not quoted"));
                return found;
            };
            value = decode(page, inside);
            rest = after;
        }
        if found.iter().any(|(other, _)| *other == name) {
            page.findings.push(format!("the attribute {name:?} is there twice"));
        }
        found.push((name, value));
    }
}

fn text(page: &mut Read, open: &[(&str, bool)], raw: &str) {
    if open.iter().any(|(name, _)| *name == "script") && !raw.is_empty() {
        page.findings.push(format!("a script holds {:?}", start_of(raw)));
    }
    if raw.contains('>') {
        page.findings.push(format!("a bare > in {:?}", start_of(raw)));
    }
    let text = decode(page, raw);
    if open.iter().any(|(_, is_json)| *is_json)
        && let Some(json) = page.json.last_mut()
    {
        *json += &text;
    }
    page.text += &text;
}

/// The text without its character references.
fn decode(page: &mut Read, raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text += &rest[..at];
        rest = &rest[at..];
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')];
        match known.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, c)) => {
                text.push(*c);
                rest = &rest[name.len()..];
            }
            None => {
                page.findings.push(format!("a bare & in {:?}", start_of(rest)));
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text += rest;
    if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        page.findings.push(format!("a control character in {:?}", start_of(&text)));
    }
    text
}

fn start_of(text: &str) -> String {
    text.chars().take(60).collect()
}
