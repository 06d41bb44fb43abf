//! What each GiB of a transfer costs.

use crate::cipher::allocations_per_packet;
use crate::ends::Setup;
use crate::figures::say;
use crate::heap::Heap;
use crate::loopback::{Cost, Costs, Way, transfer};
use crate::simulated::{NARROW, Simulated, WIDE};
use crate::watched::Followed;

const MIB: u64 = 1 << 20;
/// How much is moved on the loopback interface, and on the simulated link.
const BYTES: u64 = 64 * MIB;

/// So many of `count` come to a GiB.
const fn per_gib(count: u64) -> u64 {
    count * (1024 * MIB / BYTES)
}

/// Checks counts of one end, each with the most it may be for a GiB.
#[track_caller]
fn check(who: &str, cost: &Cost, bounds: &[(&str, u64, u64)]) {
    let counts: Vec<_> = bounds.iter().map(|(what, count, _)| (what, per_gib(*count))).collect();
    say(who, &counts);
    for (what, count, most) in bounds {
        let count = per_gib(*count);
        assert!(count <= *most, "{who}: {count} {what} for a GiB, more than {most}: {cost:?}");
    }
}

/// What was taken from the heap by others than the cipher's crate.
fn own_allocations(heap: &Heap, packets: u64) -> u64 {
    heap.allocations.saturating_sub(packets * allocations_per_packet())
}

fn check_sender(who: &str, cost: &Cost) {
    let Cost { asked, parks, heap, packets } = cost;
    check(
        who,
        cost,
        &[
            ("writes", asked.writes, 6144),
            ("refused writes", asked.refused_writes, 2048),
            ("reads", asked.reads, 3072),
            ("empty reads", asked.empty_reads, 3072),
            ("polls of the driver", asked.driver_polls, 3072),
            ("polls of the application", asked.other_polls, 3072),
            ("waits for the system", *parks, 3072),
            ("allocations", own_allocations(heap, *packets), 512),
        ],
    );
}

fn check_receiver(who: &str, cost: &Cost) {
    let Cost { asked, parks, heap, packets } = cost;
    check(
        who,
        cost,
        &[
            ("reads", asked.reads, 8192),
            ("empty reads", asked.empty_reads, 2560),
            ("writes", asked.writes, 3072),
            ("refused writes", asked.refused_writes, 512),
            ("polls of the driver", asked.driver_polls, 2560),
            ("polls of the application", asked.other_polls, 2560),
            ("waits for the system", *parks, 3072),
            ("allocations", own_allocations(heap, *packets), 512),
        ],
    );
}

#[test]
fn a_download_over_the_loopback_interface() {
    let Costs { sender, receiver } = transfer(Way::Down, BYTES);
    check_sender("the server", &sender);
    check_receiver("the client", &receiver);
}

#[test]
fn an_upload_over_the_loopback_interface() {
    let Costs { sender, receiver } = transfer(Way::Up, BYTES);
    check_sender("the client", &sender);
    check_receiver("the server", &receiver);
}

/// Moves data on a simulated link, and checks what holds on any. Gives what the sender did.
fn simulate(capacity: usize, seed: u64) -> Followed {
    let mut simulated = Simulated::new(&Setup::default(), capacity, seed);
    simulated.transfer(8 * MIB);
    let (sender, receiver) = simulated.transfer(BYTES);
    say("the simulated sender", &sender);
    say("the simulated receiver", &receiver);
    assert_eq!((sender.written, receiver.read), (BYTES, BYTES));
    assert!(per_gib(own_allocations(&receiver.heap, receiver.packets)) <= 512, "{receiver:?}");
    // What is moved is the beginning of a packet that has not come whole.
    assert!(percent(receiver.input_moved) <= 15, "{receiver:?}");
    // Packets of a few bytes are joined.
    assert!(percent(receiver.read_elsewhere) < 1, "{receiver:?}");
    // Who waits for room is put down anew each time there is some.
    let allocations = own_allocations(&sender.heap, sender.packets);
    assert!(allocations <= sender.outputs + 64, "{sender:?}");
    sender
}

const fn percent(part: u64) -> u64 {
    part * 100 / BYTES
}

#[test]
fn a_transfer_over_a_link_that_takes_all_that_is_sent() {
    for seed in 0..4 {
        let sender = simulate(WIDE, seed);
        assert!(percent(sender.output_moved) < 1, "{sender:?}");
        assert!(per_gib(sender.packets) <= 40_960, "{sender:?}");
    }
}

#[test]
fn a_transfer_over_a_link_that_is_slower_than_the_sender() {
    for seed in 0..4 {
        let sender = simulate(NARROW, seed);
        // A sealed byte is moved when as much has gone before it as comes behind.
        assert!(percent(sender.output_moved) <= 102, "{sender:?}");
    }
}
