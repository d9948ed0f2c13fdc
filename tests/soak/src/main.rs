//! Runs the soak, and is the server that is killed in it.
//!
//! `cargo run --release -p thriftwood-soak -- --minutes 10` ends with the account, and with 1 when something is wrong with it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// A log server under load that is killed again and again, and an account of every event at the end.
#[derive(Parser)]
struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// The directory, which must not be there; one beside the program when not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Is the server instead.
    #[arg(long, hide = true, requires = "at")]
    serve: Option<PathBuf>,
    #[arg(long, hide = true)]
    at: Option<String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    if let (Some(dir), Some(at)) = (&arguments.serve, &arguments.at) {
        thriftwood_soak::serve(dir, at).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe()?;
    let dir = arguments.dir.unwrap_or_else(|| program.with_file_name(format!("soak-{}", std::process::id())));
    std::fs::create_dir(&dir)?;
    let report = thriftwood_soak::run(&program, &dir, Duration::from_secs(arguments.minutes * 60)).await;
    println!("{report}");
    let complaints = report.complaints();
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    if complaints.is_empty() {
        std::fs::remove_dir_all(&dir)?;
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("the logs are left in {}", dir.display());
    Ok(ExitCode::FAILURE)
}
