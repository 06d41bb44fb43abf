//! A task of tokio's runtime, on a thread of it, as those of a server are: what runs on the thread that waits for the
//! runtime is woken by another thread every time.

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs `task` on a runtime of several threads.
pub fn run(task: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(task).await })?
}
