//! Colours that can be read in either theme: contrast as the Web Content Accessibility Guidelines 2.2 count it, 1.4.3.

use std::collections::HashMap;

use crate::{page, site};

/// What is written in, and what it is written on.
const PAIRS: &[(&str, &[&str])] = &[
    ("--ground", &["--text", "--quiet", "--link", "--accent", "--keyword", "--string", "--number"]),
    ("--raised", &["--text", "--quiet", "--link", "--accent", "--keyword", "--string", "--number"]),
    ("--mark", &["--text", "--quiet", "--link"]),
    ("--warn-ground", &["--warn"]),
];

#[test]
fn every_colour_has_enough_contrast_in_both_themes() {
    let pages = site("");
    let colours = colours(page(&pages, "style.css"));
    for (ground, texts) in PAIRS {
        for text in *texts {
            for (theme, on, of) in
                [("light", colours[*ground].0, colours[*text].0), ("dark", colours[*ground].1, colours[*text].1)]
            {
                let contrast = contrast(on, of);
                assert!(contrast >= 4.5, "{text} on {ground} has a contrast of {contrast:.2} in the {theme} theme");
            }
        }
    }
}

#[test]
fn the_style_sheet_loads_nothing() {
    let pages = site("");
    let css = page(&pages, "style.css");
    assert!(!css.contains("url(") && !css.contains("@import") && !css.contains("http"), "{css}");
}

#[test]
fn the_script_loads_nothing_and_takes_no_text_for_markup() {
    let pages = site("");
    let script = page(&pages, "site.js");
    for word in
        ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "fetch(", "XMLHttp", "import(", "http"]
    {
        assert!(!script.contains(word), "the script says {word}");
    }
}

/// `--name: light-dark(#rrggbb, #rrggbb);`
fn colours(css: &str) -> HashMap<&str, (u32, u32)> {
    let colour = |text: &str| u32::from_str_radix(text.trim().strip_prefix('#')?, 16).ok();
    let line = |line: &'_ str| -> Option<(&str, (u32, u32))> {
        let start = css.find(line)?;
        let (name, value) = css[start..start + line.len()].trim().split_once(": light-dark(")?;
        let (light, dark) = value.strip_suffix(");")?.split_once(',')?;
        Some((name, (colour(light)?, colour(dark)?)))
    };
    css.lines().filter_map(line).collect()
}

fn contrast(a: u32, b: u32) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: u32) -> f64 {
    let channel = |shift: u32| {
        let value = f64::from(colour >> shift & 0xff) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}
