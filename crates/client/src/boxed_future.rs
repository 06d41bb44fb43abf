//! The type of the futures that object-safe traits return.

use std::future::Future;
use std::pin::Pin;

/// A future that may borrow from its caller and may be awaited on any thread.
pub type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
