//! What a transfer, and a connection at rest, cost in things that the code decides: calls of the system, wake-ups,
//! allocations, and bytes moved in memory. A machine under load takes longer over them and does not need more.
//!
//! For each GiB of payload, aes128-gcm@openssh.com, packets of 32 KiB (32,768 of them), windows of 2 MiB, and an
//! application that writes, or takes, up to 256 KiB at once:
//!
//! | loopback, tokio, down or up | measured | at most |
//! |---|---|---|
//! | sender: writes that the socket took | 4,096 | 6,144 |
//! | sender: writes refused | 0 | 2,048 |
//! | sender: reads (of window adjustments) | 510–1,970 | 3,072 |
//! | sender: polls of the driver; of the application; waits for the system | 510–2,000 each | 3,072 each |
//! | receiver: reads that brought something | 3,660–4,460 | 8,192 |
//! | receiver: reads for which nothing had come | 100–1,470 | 2,560 |
//! | receiver: writes (window adjustments) | 2,064 | 3,072 |
//! | receiver: polls of the driver; of the application | 80–1,490 each | 2,560 each |
//! | receiver: waits for the system | 80–1,780 | 3,072 |
//! | allocations beside those of the cipher's crate, either end | 0–16 | 512 |
//! | all system calls of both ends as strace sees them | 13,000–17,800 | 32,768: one a packet |
//! | of these, for memory | 0 | 128 |
//!
//! | simulated link, pieces of 16 to 256 KiB | measured | at most |
//! |---|---|---|
//! | sender: allocations, of 16 bytes | one or none each time the link takes something | one each time, and 64 |
//! | sender: sealed bytes moved, where the link takes all that is sent; where it is slower | 0; 95 % | 1; 102 % |
//! | sender: packets, where the link takes all that is sent | 35,200 | 40,960 |
//! | receiver: allocations | 0–80 | 512 |
//! | receiver: received bytes moved before they are read | 6 % | 15 % |
//! | receiver: payload read from elsewhere than where it arrived | 0.01–0.3 % | 1 % |
//!
//! The cipher's crate allocates in builds with debug assertions only, which is measured and taken off.
//!
//! The one copy of payload that a sender makes by design, from the application's slice into the packet, cannot be
//! seen from here; a second one through memory of its own would be seen as an allocation.
//!
//! | at rest | measured | at most |
//! |---|---|---|
//! | reads, writes and polls in a day without keepalive requests | 0 | 0 |
//! | polls of the drivers for one keepalive request: who asks; who answers | 4; 3 | 5; 4 |
//! | heap of a logged-in connection with its driver's task: client; server | 6.6; 5.6 KiB | 10; 10 KiB |
//! | what more it holds after transfers that are over | 0 | 2 KiB |
//! | heap of a receiver that reads slowly, beyond its window of 2 MiB | 1.6 MiB | 2.5 MiB |
//! | heap of its sender | 1.5 MiB | 2.5 MiB |

mod figures;
mod heap;
mod tally;
mod cipher;
mod ends;
mod loopback;
mod watched;
mod simulated;

mod bulk;
mod idle;
mod slow_reader;
mod system_calls;
