//! The state of the server, and which message asks for what.

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use gen_lsp_types::{
    CompletionOptions, CompletionRequest, DefinitionRequest, DidChangeTextDocumentNotification,
    DidCloseTextDocumentNotification, DidOpenTextDocumentNotification, DocumentFormattingRequest,
    DocumentSymbolRequest, HoverRequest, InitializeResult, PrepareRenameRequest, ReferencesRequest, RenameOptions,
    RenameRequest, ServerCapabilities, ServerInfo, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};
use thriftwood_idl::Options;

use super::analysis::Analysis;
use super::diagnostics::Published;
use super::documents::Documents;
use super::{completion, formatting, hover, navigation, rename, symbols, workspace};

/// How far the conversation has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// `initialize` has not come.
    Fresh,
    Running,
    /// `shutdown` has come; only `exit` may follow.
    Shut,
    /// `exit` has come.
    Ended {
        orderly: bool,
    },
}

/// What the editor said of itself.
#[derive(Default)]
struct Client {
    /// Whether it shows the other places that a finding speaks of.
    related: bool,
    /// Whether it can be asked to tell of files that change on disk.
    watches: bool,
}

pub(super) struct Server {
    phase: Phase,
    client: Client,
    root: Option<PathBuf>,
    options: Options,
    documents: Documents,
    published: Published,
    /// What the open texts mean; none when something has changed since.
    near: Option<Rc<Analysis>>,
    /// What all IDL files of the workspace mean, the same.
    far: Option<Rc<Analysis>>,
    /// Whether something has changed since findings were published.
    stale: bool,
}

type Answer = Result<Value, ResponseError>;

impl Server {
    pub(super) fn new(options: Options) -> Self {
        Self {
            phase: Phase::Fresh,
            client: Client::default(),
            root: None,
            options,
            documents: Documents::default(),
            published: Published::default(),
            near: None,
            far: None,
            stale: false,
        }
    }

    /// Takes a message; gives what is to be written for it.
    pub(super) fn take(&mut self, message: Message) -> Vec<String> {
        match message {
            Message::Request(request) => {
                let id = request.id.clone();
                let response_result = self.answer(request);
                vec![written(&Message::Response(Response { id, response_result }))]
            }
            Message::Notification(notification) => self.note(notification),
            // Answers to what was asked of the editor; nothing hangs on them.
            Message::Response(_) => Vec::new(),
        }
    }

    /// What there is to say of the files since it was last asked.
    pub(super) fn news(&mut self) -> Vec<String> {
        if !self.stale || self.phase != Phase::Running {
            return Vec::new();
        }
        self.stale = false;
        let analysis = self.near();
        let news = self.published.news(&analysis, &self.documents, self.client.related);
        let said = |params| Notification::new("textDocument/publishDiagnostics".to_owned(), params);
        news.into_iter().map(|params| written(&Message::Notification(said(params)))).collect()
    }

    /// How the process ends, once `exit` has come.
    pub(super) fn exit(&self) -> Option<ExitCode> {
        match self.phase {
            Phase::Ended { orderly: true } => Some(ExitCode::SUCCESS),
            Phase::Ended { orderly: false } => Some(ExitCode::FAILURE),
            _ => None,
        }
    }

    /// How the process ends when the input does.
    pub(super) fn end(&self) -> ExitCode {
        if self.phase == Phase::Shut { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn answer(&mut self, request: Request) -> Answer {
        let Request { method, params, .. } = request;
        match (self.phase, method.as_str()) {
            (Phase::Fresh, "initialize") => Ok(self.initialize(&params)),
            (Phase::Fresh, _) => Err(refused(ErrorCode::ServerNotInitialized, "`initialize` comes first")),
            (Phase::Running, "initialize") => Err(refused(ErrorCode::InvalidRequest, "`initialize` comes once")),
            (Phase::Running, "shutdown") => {
                self.phase = Phase::Shut;
                Ok(Value::Null)
            }
            (Phase::Running, method) => self.feature(method, params),
            _ => Err(refused(ErrorCode::InvalidRequest, "after `shutdown` comes only `exit`")),
        }
    }

    fn feature(&mut self, method: &str, params: Value) -> Answer {
        match method {
            "textDocument/definition" => {
                let at = read::<DefinitionRequest>(params)?.text_document_position_params;
                Ok(json!(navigation::definition(&self.near(), &at.text_document.uri, at.position)))
            }
            "textDocument/references" => {
                let params = read::<ReferencesRequest>(params)?;
                let (at, declaration) = (params.text_document_position_params, params.context.include_declaration);
                Ok(json!(navigation::references(&self.far(), &at.text_document.uri, at.position, declaration)))
            }
            "textDocument/hover" => {
                let at = read::<HoverRequest>(params)?.text_document_position_params;
                Ok(json!(hover::hover(&self.near(), &at.text_document.uri, at.position)))
            }
            "textDocument/completion" => {
                let at = read::<CompletionRequest>(params)?.text_document_position_params;
                let analysis = self.near();
                let folders = &self.options.include_dirs;
                Ok(json!(completion::complete(&analysis, &at.text_document.uri, at.position, folders)))
            }
            "textDocument/documentSymbol" => {
                let uri = read::<DocumentSymbolRequest>(params)?.text_document.uri;
                let analysis = self.near();
                Ok(json!(analysis.source(&uri).map(|source| symbols::outline(&analysis, source))))
            }
            "textDocument/prepareRename" => {
                let at = read::<PrepareRenameRequest>(params)?.text_document_position_params;
                let prepared = rename::prepare(&self.near(), &at.text_document.uri, at.position);
                prepared.map(|prepared| json!(prepared)).map_err(|why| refused(ErrorCode::RequestFailed, &why))
            }
            "textDocument/rename" => {
                let params = read::<RenameRequest>(params)?;
                let at = params.text_document_position_params;
                let (analysis, (roots, complete)) = (self.far(), self.roots(true));
                if !complete {
                    let why = "the folder holds too many files to find every use; open a smaller one";
                    return Err(refused(ErrorCode::RequestFailed, why));
                }
                let place = (&at.text_document.uri, at.position);
                let edit = rename::rename(&analysis, &self.documents, &roots, &self.options, place, &params.new_name);
                edit.map(|edit| json!(edit)).map_err(|why| refused(ErrorCode::RequestFailed, &why))
            }
            "textDocument/formatting" => {
                let uri = read::<DocumentFormattingRequest>(params)?.text_document.uri;
                Ok(json!(formatting::format(&self.documents, &uri)))
            }
            _ => Err(refused(ErrorCode::MethodNotFound, &format!("there is no method `{method}` here"))),
        }
    }

    fn note(&mut self, notification: Notification) -> Vec<String> {
        let Notification { method, params } = notification;
        let noted = match (self.phase, method.as_str()) {
            (phase, "exit") => {
                self.phase = Phase::Ended { orderly: phase == Phase::Shut };
                Ok(())
            }
            (Phase::Running, "initialized") if self.client.watches => return vec![watch()],
            (Phase::Running, "textDocument/didOpen") => {
                note::<DidOpenTextDocumentNotification>(params).map(|params| self.documents.open(params.text_document))
            }
            (Phase::Running, "textDocument/didChange") => {
                note::<DidChangeTextDocumentNotification>(params).map(|params| {
                    let document = params.text_document;
                    let uri = document.text_document_identifier.uri;
                    self.documents.change(&uri, document.version, params.content_changes);
                })
            }
            (Phase::Running, "textDocument/didClose") => note::<DidCloseTextDocumentNotification>(params)
                .map(|params| self.documents.close(&params.text_document.uri)),
            (Phase::Running, "textDocument/didSave" | "workspace/didChangeWatchedFiles") => Ok(()),
            _ => return Vec::new(),
        };
        if let Err(error) = noted {
            eprintln!("{method}: {}", error.message);
        }
        (self.near, self.far, self.stale) = (None, None, true);
        Vec::new()
    }

    /// Reads what matters of what the editor says of itself. It is looked up rather than read as a whole, so that an
    /// editor whose other capabilities are news to us is served too.
    fn initialize(&mut self, params: &Value) -> Value {
        let is = |pointer: &str| params.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        self.client = Client {
            related: is("/capabilities/textDocument/publishDiagnostics/relatedInformation"),
            watches: is("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration"),
        };
        let folder = params.pointer("/workspaceFolders/0/uri").or_else(|| params.get("rootUri"));
        let uri = folder.and_then(Value::as_str).and_then(|uri| Uri::parse(uri).ok());
        self.root = uri.and_then(|uri| uri.to_file_path().ok());
        if let Some(root) = &self.root {
            for folder in &mut self.options.include_dirs {
                *folder = root.join(&*folder);
            }
        }
        self.phase = Phase::Running;
        let server_info =
            ServerInfo { name: "thriftwood".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) };
        json!(InitializeResult { capabilities: capabilities(), server_info: Some(server_info) })
    }

    /// What the open texts mean.
    fn near(&mut self) -> Rc<Analysis> {
        if let Some(analysis) = &self.near {
            return Rc::clone(analysis);
        }
        let analysis = self.analysis(false);
        self.near = Some(Rc::clone(&analysis));
        analysis
    }

    /// What all IDL files of the workspace mean, those that are open as they are in the editor.
    fn far(&mut self) -> Rc<Analysis> {
        if let Some(analysis) = &self.far {
            return Rc::clone(analysis);
        }
        let analysis = self.analysis(true);
        self.far = Some(Rc::clone(&analysis));
        analysis
    }

    fn analysis(&self, all: bool) -> Rc<Analysis> {
        Rc::new(Analysis::new(&self.documents, &self.documents, &self.roots(all).0, &self.options))
    }

    /// The files to compile: those that are open, and all others of the workspace if those are wanted. The second part
    /// is false where there are more than can be looked at.
    fn roots(&self, all: bool) -> (Vec<PathBuf>, bool) {
        let mut roots: Vec<PathBuf> = self.documents.iter().map(|document| document.path.clone()).collect();
        let Some(root) = self.root.as_ref().filter(|_| all) else { return (roots, true) };
        let (files, complete) = workspace::idl_files(root);
        roots.extend(files);
        (roots, complete)
    }
}

fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        save: Some(true.into()),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some([".", "\"", "/", "<"].map(str::to_owned).to_vec()),
        ..CompletionOptions::default()
    };
    let rename = RenameOptions { prepare_provider: Some(true), ..RenameOptions::default() };
    ServerCapabilities {
        text_document_sync: Some(sync.into()),
        definition_provider: Some(true.into()),
        references_provider: Some(true.into()),
        hover_provider: Some(true.into()),
        completion_provider: Some(completion),
        document_symbol_provider: Some(true.into()),
        document_formatting_provider: Some(true.into()),
        rename_provider: Some(rename.into()),
        ..ServerCapabilities::default()
    }
}

/// Asks the editor to tell of IDL files that change on disk.
fn watch() -> String {
    let watchers = json!([{ "globPattern": "**/*.frugal" }, { "globPattern": "**/*.thrift" }]);
    let registration = json!({
        "id": "idl-files",
        "method": "workspace/didChangeWatchedFiles",
        "registerOptions": { "watchers": watchers },
    });
    let params = json!({ "registrations": [registration] });
    let id = RequestId::from("watch".to_owned());
    written(&Message::Request(Request { id, method: "client/registerCapability".to_owned(), params }))
}

fn read<R: gen_lsp_types::Request>(params: Value) -> Result<R::Params, ResponseError> {
    serde_json::from_value(params).map_err(|error| refused(ErrorCode::InvalidParams, &error.to_string()))
}

fn note<N: gen_lsp_types::Notification>(params: Value) -> Result<N::Params, ResponseError> {
    serde_json::from_value(params).map_err(|error| refused(ErrorCode::InvalidParams, &error.to_string()))
}

fn refused(code: ErrorCode, message: &str) -> ResponseError {
    ResponseError { code: code as i32, message: message.to_owned(), data: None }
}

/// A message as JSON.
fn written(message: &Message) -> String {
    let mut json = json!(message);
    if let Some(members) = json.as_object_mut() {
        members.insert("jsonrpc".to_owned(), "2.0".into());
    }
    json.to_string()
}
