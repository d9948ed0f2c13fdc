//! The search and the theme in a real browser. Where there is no Chromium the tests say so and pass; in CI there is one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thriftwood_build::html::generate;

use crate::{model, site_of};

/// The first of these that runs.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// How long a browser may take to show a page from the disk.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_search_finds_what_was_looked_for_and_the_best_first() {
    let Some(browser) = browser("a_search_finds_what_was_looked_for_and_the_best_first") else { return };
    let folder = written(&site_of("../../idl-examples/idl/music.frugal"));
    let shown = shown(browser, folder.path(), "index.html#?q=album");
    let list = results(&shown);
    assert!(list.starts_with("<li><a href=\"music.html#struct_Album\"><span class=\"kind\">struct</span>"), "{list}");
    for part in ["music.html#fn_Store_buyAlbum", "music.html#scp_AlbumWinners", "A collection of songs."] {
        assert!(list.contains(part), "{part:?} is not in {list}");
    }
    assert!(!list.contains("struct_Price"), "{list}");
    assert!(shown.contains(" results</p>"), "the number of results is not said");
}

#[test]
fn a_search_for_nothing_that_is_there_says_so() {
    let Some(browser) = browser("a_search_for_nothing_that_is_there_says_so") else { return };
    let folder = written(&site_of("../../idl-examples/idl/music.frugal"));
    let shown = shown(browser, folder.path(), "music.html#?q=zebra");
    assert!(shown.contains("Nothing found</p>") && results(&shown).is_empty(), "{}", results(&shown));
}

#[test]
fn a_hostile_name_and_query_are_shown_as_text() {
    let Some(browser) = browser("a_hostile_name_and_query_are_shown_as_text") else { return };
    let mut model = model(&[("a.frugal", "/** D */ struct A {}\n")]);
    let hostile = "<img src=x onerror=\"document.title='broken'\">";
    model.files[0].structs[0].name = hostile.to_owned();
    model.files[0].structs[0].doc = Some(hostile.to_owned());
    let folder = written(&generate(&model));
    let shown = shown(browser, folder.path(), "a.html#?q=%3Cimg");
    assert!(results(&shown).contains("&lt;img src=x"), "{}", results(&shown));
    assert!(!shown.contains("<img") && !shown.contains("<title>broken"), "{shown}");
}

/// What was found: the list's own HTML.
fn results(shown: &str) -> &str {
    let start = shown.split_once("<ul id=\"results-list\">").expect("the page has a list of results").1;
    start.split_once("</ul>").expect("the list ends").0.trim()
}

/// The site in a folder.
fn written(pages: &[thriftwood_build::html::Page]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for page in pages {
        std::fs::write(folder.path().join(&page.name), &page.text).expect("the page is written");
    }
    folder
}

fn browser(test: &str) -> Option<&'static str> {
    let runs = |name: &&&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    let found = BROWSERS.iter().find(runs).copied();
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{test}: there is no chromium on the PATH, and in CI nothing may be skipped"
        );
        println!("SKIPPED {test}: there is no chromium on the PATH (Debian has it as the package `chromium`)");
    }
    found
}

/// The page as the browser has it after its scripts ran.
fn shown(browser: &str, folder: &Path, page: &str) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let dom = profile.path().join("dom.html");
    let mut run = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}/{page}", folder.display()))
        .stdout(std::fs::File::create(&dom).expect("the output's file is made"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the browser starts");
    let started = Instant::now();
    loop {
        if let Some(status) = run.try_wait().expect("the browser can be waited for") {
            assert!(status.success(), "the browser ended with {status}");
            return std::fs::read_to_string(&dom).expect("the browser wrote the page");
        }
        if started.elapsed() > PATIENCE {
            let _ = run.kill();
            let _ = run.wait();
            panic!("the browser did not show the page within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
