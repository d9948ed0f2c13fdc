//! How much memory the processes take, over time.

/// What was seen, in KiB.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    server: Vec<u64>,
    clients: Vec<u64>,
}

impl Samples {
    pub(crate) fn take(&mut self, server: u32) {
        self.server.extend(resident(&server.to_string()));
        self.clients.extend(resident("self"));
    }

    /// The most of the first third and of the last, in MiB: of the server, and of the process with everybody else.
    pub(crate) fn thirds(&self) -> [(u64, u64); 2] {
        [&self.server, &self.clients].map(|all| {
            let third = (all.len() / 3).max(1);
            let most = |part: &[u64]| part.iter().max().copied().unwrap_or(0) / 1024;
            (most(&all[..third.min(all.len())]), most(&all[all.len().saturating_sub(third)..]))
        })
    }
}

/// `VmRSS` of a process, in KiB; `None` where there is no such thing, or no such process any more.
pub fn resident(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
