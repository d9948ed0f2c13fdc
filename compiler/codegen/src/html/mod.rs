//! From a checked model to a static HTML site: an index, one page per IDL file, and a search that needs no network.
//!
//! The parts in order: `places` decides where everything is found, `uses` who refers to what; `markup` writes elements that
//! close and escape themselves; `text` reads doc comments, `types` and `example` show types and values; and one module for
//! each kind of definition puts them on its file's page (`file`, inside the frame of `page`).

mod example;
mod file;
mod index;
mod javadoc;
mod json;
mod markup;
mod page;
mod places;
mod scopes;
mod search;
mod services;
mod structs;
mod table;
mod text;
mod types;
mod uses;
mod values;

use thriftwood_idl::model::Model;

use places::Places;
use uses::Uses;

/// One file of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name. All files of a site are in one folder.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// What every page of a site has near its beginning: a page with it was written by [`generate`].
pub const MARK: &str = "<meta name=\"generator\" content=\"thriftwood doc\">";

/// Turns a model into the files of a site, `index.html` first.
///
/// The same model gives the same site. Nothing in it is loaded from elsewhere, and it works from a folder on the disk as
/// from a server. Whatever the IDL says is shown as text, never taken for HTML.
pub fn generate(model: &Model) -> Vec<Page> {
    let site = Site { model, places: Places::new(model), uses: Uses::new(model) };
    let page = |name: &str, text: String| Page { name: name.to_owned(), text };
    let mut pages = vec![page("index.html", index::page(&site))];
    for (id, _) in model.files() {
        pages.push(page(site.places.page(id), file::page(&site, id)));
    }
    pages.push(page("style.css", include_str!("assets/style.css").to_owned()));
    pages.push(page("site.js", include_str!("assets/site.js").to_owned()));
    pages.push(page("search-index.js", search::index(&site)));
    pages
}

/// What every page draws from.
struct Site<'m> {
    model: &'m Model,
    places: Places,
    uses: Uses,
}
