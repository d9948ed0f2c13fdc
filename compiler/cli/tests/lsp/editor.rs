//! An editor: it starts the language server, speaks JSON-RPC with it over its standard input and output, and ends it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than any answer takes on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Editor {
    folder: TempDir,
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    last_id: i64,
    /// What came while something else was waited for.
    waiting: Vec<Value>,
    /// The version of each open text, by its name.
    versions: HashMap<String, i32>,
}

impl Editor {
    /// A server that has been started in a folder with these files, and told nothing.
    pub(crate) fn start(files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder is made");
            std::fs::write(path, text).expect("the file is written");
        }
        let mut server = Command::new(env!("CARGO_BIN_EXE_thriftwood"))
            .arg("lsp")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (sender, messages) = channel();
        let mut output = BufReader::new(server.stdout.take().expect("its output is ours"));
        thread::spawn(move || {
            while let Some(message) = frame(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let input = server.stdin.take();
        Self { folder, server, input, messages, last_id: 0, waiting: Vec::new(), versions: HashMap::new() }
    }

    /// A server that has been told of its folder.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut editor = Self::start(files, &[]);
        editor.initialize();
        editor
    }

    pub(crate) fn initialize(&mut self) -> Value {
        let capabilities = json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } });
        let folder = self.folder.path().to_owned();
        let params = json!({ "processId": null, "rootUri": uri(&folder, ""), "capabilities": capabilities });
        let answer = self.request("initialize", params);
        self.notify("initialized", json!({}));
        answer["result"].clone()
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        uri(self.folder.path(), name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens a file with a text that need not be the one on disk.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        let item = json!({ "uri": self.uri(name), "languageId": "thrift", "version": 1, "text": text });
        self.versions.insert(name.to_owned(), 1);
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }

    /// Changes an open text.
    pub(crate) fn change(&mut self, name: &str, version: i32, changes: Value) {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.versions.insert(name.to_owned(), version);
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// The next findings that are published for a file, of the version it has now.
    pub(crate) fn diagnostics(&mut self, name: &str) -> Vec<Value> {
        let uri = self.uri(name);
        let version = self.versions.get(name).copied();
        let params = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
                && version.is_none_or(|version| message["params"]["version"] == version)
        });
        params["params"]["diagnostics"].as_array().expect("findings are a list").clone()
    }

    /// The answer to a request about the first `needle` in a text, at the `|` in it.
    pub(crate) fn ask(&mut self, method: &str, name: &str, text: &str, needle: &str, more: Value) -> Value {
        let mut params = json!({ "textDocument": { "uri": self.uri(name) }, "position": place(text, needle) });
        let members = params.as_object_mut().expect("it is an object");
        members.extend(more.as_object().expect("it is an object").clone());
        self.request(method, params)
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.wait(|message| message["id"] == id && message.get("method").is_none())
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        // A server that has ended reads nothing, and its exit code is looked at.
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// The next message that is wanted; others are kept for later.
    pub(crate) fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at);
        }
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("the server answers");
            assert_eq!(message["jsonrpc"], "2.0", "{message}");
            if wanted(&message) {
                return message;
            }
            self.waiting.push(message);
        }
    }

    /// Ends the conversation in order.
    pub(crate) fn shut_down(mut self) -> ExitStatus {
        let answer = self.request("shutdown", Value::Null);
        assert!(answer["result"].is_null() && answer.get("error").is_none(), "{answer}");
        self.notify("exit", Value::Null);
        self.end().0
    }

    /// Closes the server's input; gives its exit code and what it said on standard error.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        self.input = None;
        let status = self.server.wait().expect("the server ends");
        let mut said = String::new();
        let mut errors = self.server.stderr.take().expect("its errors are ours");
        errors.read_to_string(&mut said).expect("it says text");
        (status, said)
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where the `|` of a needle is in a text, in lines and UTF-16 units.
pub(crate) fn place(text: &str, needle: &str) -> Value {
    let cursor = needle.find('|').expect("the needle has a cursor");
    let start = text.find(&needle.replacen('|', "", 1)).unwrap_or_else(|| panic!("{needle:?} is not in the text"));
    let before = &text[..start + cursor];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
    json!({ "line": line, "character": column })
}

/// The range from the first to the second `|` of a needle.
pub(crate) fn range(text: &str, needle: &str) -> Value {
    let (before, after) = needle.rsplit_once('|').expect("the needle has two marks");
    let first = format!("{before}{after}");
    let second = format!("{}|{after}", before.replacen('|', "", 1));
    json!({ "start": place(text, &first), "end": place(text, &second) })
}

fn uri(folder: &Path, name: &str) -> String {
    let path = folder.canonicalize().expect("the folder is there").join(name);
    format!("file://{}", path.display().to_string().trim_end_matches('/'))
}

fn frame(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let value = line.strip_prefix("Content-Length: ").unwrap_or_else(|| panic!("{line:?} is no header"));
        length = Some(value.parse::<usize>().expect("a length"));
    }
    let mut body = vec![0; length.expect("a header has a length")];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("a body is JSON"))
}
