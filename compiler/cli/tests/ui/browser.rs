//! The page in a real browser. Where there is no Chromium the tests say so and pass; in CI there is one.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::folder;
use crate::{IDL, Ui, filled};

/// The first of these that runs.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// How long a browser may take to show the page.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_page_shows_streams_plots_segments_groups_and_decoded_events() {
    let Some(browser) = browser("the_page_shows_streams_plots_segments_groups_and_decoded_events") else { return };
    let folder = folder(&[("winners.frugal", IDL)]);
    filled(folder.path(), "the last one");
    let ui = Ui::start(folder.path(), &["--idl", "winners.frugal"]);
    let shown = shown(browser, &ui);
    let part = |from: &str, to: &str| shown.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    assert!(part("<ul id=\"logs\">", "</ul>").contains("v1.{}.Winners</b>"));
    assert!(part("<div id=\"throughput\"", "<section").contains("<path class=\"curve line-0\""));
    assert!(part("<table id=\"groups\">", "</table>").contains("mailer/v1.*.Winners.Winner"));
    let facts = part("<dl id=\"facts\"", "</dl>");
    assert!(
        facts.contains("<dt>kept</dt><dd class=\"sentence\">for 7days or up to 10.0 GiB of each stream, whichever"),
        "{facts}"
    );
    assert!(
        facts.contains("<dt>deadline</dt><dd class=\"sentence\">30s: an event that is not acknowledged by then"),
        "{facts}"
    );
    assert!(part("<div id=\"segments\">", "<section>").matches("<div title=").count() > 3);
    let records = part("<ol id=\"records\">", "</ol>");
    assert!(records.contains("\"Winner\": \"the last one\""), "{records}");
    assert_eq!(records.matches("<li>").count(), 100);
    assert!(part("<span id=\"state\"", "</span>").contains("as of "));
}

#[test]
fn what_an_event_says_is_shown_as_text() {
    let Some(browser) = browser("what_an_event_says_is_shown_as_text") else { return };
    let folder = folder(&[("winners.frugal", IDL)]);
    filled(folder.path(), "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>");
    let ui = Ui::start(folder.path(), &["--idl", "winners.frugal"]);
    let shown = shown(browser, &ui);
    assert!(shown.contains("&lt;img src=x"), "{shown}");
    assert!(!shown.contains("<img") && !shown.contains("<title>broken"), "{shown}");
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

/// The page as the browser has it once its script has drawn it.
fn shown(browser: &str, ui: &Ui) -> String {
    let profile = tempfile::tempdir().unwrap();
    let dom = profile.path().join("dom.html");
    let mut run = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // Time of the page's own, which runs while it waits for nothing: enough for its first answers.
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("http://{}/", ui.at))
        .stdout(std::fs::File::create(&dom).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = run.try_wait().unwrap() {
            assert!(status.success(), "the browser ended with {status}");
            return std::fs::read_to_string(&dom).unwrap();
        }
        if started.elapsed() > PATIENCE {
            let _ = run.kill();
            let _ = run.wait();
            panic!("the browser did not show the page within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
