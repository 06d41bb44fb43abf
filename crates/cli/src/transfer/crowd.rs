//! Several transfers at once: on a long link each waits for answers most of the time.

use crate::exit::Failure;
use tokio::task::JoinSet;

/// How many files are under way at once.
const AT_ONCE: usize = 16;

/// How many transfers may run at once: one, if the rate is limited, as each keeps to the limit by itself, or if they
/// are trees, each of which has many files under way.
pub const fn at_once(limit: Option<u64>, recursive: bool) -> usize {
    match (limit, recursive) {
        (None, false) => AT_ONCE,
        _ => 1,
    }
}

/// Runs the jobs, begun in their order and at most so many at once. Their results are in their order, too. Dropping
/// the future ends them.
///
/// # Errors
///
/// [`Failure`] if a job panics.
pub async fn run<T, F>(jobs: impl IntoIterator<Item = F>, at_once: usize) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut results = Vec::new();
    let mut jobs = jobs.into_iter().enumerate();
    loop {
        while running.len() < at_once.max(1)
            && let Some((index, job)) = jobs.next()
        {
            results.push(None);
            running.spawn(async move { (index, job.await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((index, result))) => {
                if let Some(place) = results.get_mut(index) {
                    *place = Some(result);
                }
            }
            Some(Err(error)) => return Err(Failure::Other(format!("a transfer broke: {error}"))),
        }
    }
    Ok(results.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn results_come_in_order_and_not_too_many_run() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..50).map(|index| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..50 - index {
                    tokio::task::yield_now().await;
                }
                running.fetch_sub(1, Ordering::SeqCst);
                index
            }
        });
        assert_eq!(run(jobs, 7).await.unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 7);
        assert!(run(Vec::<std::future::Ready<()>>::new(), 7).await.unwrap().is_empty());
    }
}
