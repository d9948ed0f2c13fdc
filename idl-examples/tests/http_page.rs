//! The `curl` lines of `docs/http.md`, run against the example they are about: what the page shows is what comes back.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/shop.rs"]
mod shop;

use std::process::Command;

use shop::Shop;

const PAGE: &str = include_str!("../../docs/http.md");

/// The commands of the page's consoles, each with what follows it.
fn commands() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for console in PAGE.split("```console\n").skip(1) {
        let (console, _) = console.split_once("```").expect("a console has an end");
        for line in console.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), String::new())),
                None => {
                    let (_, output) = commands.last_mut().expect("a console begins with a command");
                    *output += &format!("{line}\n");
                }
            }
        }
    }
    commands
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_the_page_do_what_it_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED the_lines_of_the_page_do_what_it_says: there is no curl");
        return;
    }
    let bus = thriftwood::connect("http://127.0.0.1:0").await.unwrap();
    let serving = bus.serve("music", shop::music::StoreServer::new(Shop)).await.unwrap();
    let host = serving.local_addr().unwrap().to_owned();
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for (command, expected) in commands {
        let run = command.replace("127.0.0.1:8080", &host);
        let output = tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &run]).output()).await;
        let output = output.unwrap().unwrap();
        let said = String::from_utf8(output.stdout).unwrap().replace(&host, "127.0.0.1:8080").replace('\r', "");
        assert_eq!(said, expected, "{command}");
    }
    bus.close().await.unwrap();
}
