//! Several parts of a file at once.

use crate::sftp::error::Error;
use crate::sftp::file::File;
use crate::sftp::jobs::Jobs;

/// How many parts are under way at once.
const AT_ONCE: usize = 64;

impl File {
    /// Reads several parts, given by offset and length, all at once; they come back in the order they were asked for.
    /// Each is shorter than asked for only at the end of the file.
    ///
    /// # Errors
    ///
    /// What the server refused.
    pub async fn read_ranges(&self, ranges: &[(u64, usize)]) -> Result<Vec<Vec<u8>>, Error> {
        let mut parts = vec![Vec::new(); ranges.len()];
        let mut rest = ranges.iter().enumerate();
        let mut jobs = Jobs::new();
        loop {
            while jobs.len() < AT_ONCE
                && let Some((index, (offset, length))) = rest.next()
            {
                jobs.push(async move { self.read_at(*offset, *length).await.map(|part| (index, part)) });
            }
            match jobs.next().await {
                Some(part) => {
                    let (index, part) = part?;
                    parts[index] = part;
                }
                None => return Ok(parts),
            }
        }
    }
}
