//! Tables whose rows can be linked to: the fields of a struct, the values of an enum.

use super::markup::Html;
use super::types;

/// A table with these column titles, and one more where there is something to say about the rows.
pub(super) fn table(h: &mut Html, titles: &[&str], about: bool, rows: impl FnOnce(&mut Html)) {
    h.element("table", if about { &[] } else { &[("class", "slim")] }, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                for title in titles.iter().chain(about.then_some(&"Description")) {
                    h.leaf("th", &[("scope", "col")], title);
                }
            });
        });
        h.element("tbody", &[], rows);
    });
}

/// A row, under an anchor where it has one.
pub(super) fn row(h: &mut Html, anchor: Option<&str>, cells: impl FnOnce(&mut Html)) {
    match anchor {
        Some(anchor) => h.element("tr", &[("id", anchor)], cells),
        None => h.element("tr", &[], cells),
    }
}

/// The cell with the name of what the row is about, a link to the row.
pub(super) fn name(h: &mut Html, anchor: Option<&str>, name: &str, old: bool) {
    h.element("td", &[("class", "name")], |h| {
        h.element("code", &[], |h| match anchor {
            Some(anchor) => types::name_link(h, &format!("#{anchor}"), name, old),
            None if old => h.leaf("s", &[], name),
            None => h.text(name),
        });
    });
}
