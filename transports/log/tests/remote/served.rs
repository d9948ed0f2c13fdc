//! A served directory, and buses to it.

use std::path::Path;

use tempfile::TempDir;
use thriftwood_core::Bus;
use thriftwood_core::transport::Serving;
use thriftwood_log::{Config, ConnectConfig, Directory, ServeConfig};

pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) directory: Directory,
    pub(crate) serving: Serving,
}

impl Served {
    pub(crate) async fn new() -> Self {
        Self::with(ServeConfig::default()).await
    }

    pub(crate) async fn with(config: ServeConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = Config::default().open(folder.path()).await.unwrap();
        let serving = directory.serve("log://127.0.0.1:0", config).await.unwrap();
        Self { folder, directory, serving }
    }

    /// `HOST:PORT`
    pub(crate) fn at(&self) -> String {
        self.serving.local_addr().unwrap().to_owned()
    }

    pub(crate) async fn bus(&self) -> Bus {
        bus(&self.at()).await
    }

    /// Another process would have the directory and the port from here on.
    pub(crate) async fn restarted(self) -> Self {
        let at = self.at();
        self.serving.stop().await;
        self.directory.bus().close().await.unwrap();
        let (directory, serving) = again(self.folder.path(), &at).await;
        Self { folder: self.folder, directory, serving }
    }
}

pub(crate) async fn again(dir: &Path, at: &str) -> (Directory, Serving) {
    let directory = Config::default().open(dir).await.unwrap();
    let serving = directory.serve(&format!("log://{at}"), ServeConfig::default()).await.unwrap();
    (directory, serving)
}

pub(crate) async fn bus(at: &str) -> Bus {
    ConnectConfig::default().connect(&format!("log://{at}")).await.unwrap()
}
