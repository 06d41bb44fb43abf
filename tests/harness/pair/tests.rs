use super::*;

/// Repeats what it hears up to a number of bytes, calls on a timer, and fails on a bad byte or an early end.
#[derive(Debug)]
struct Echo {
    buffer: [u8; 512],
    output: Vec<u8>,
    heard: Vec<u8>,
    repeats: usize,
    call_every: Option<(Instant, Duration)>,
    wants_input: bool,
    saw_eof: bool,
    ended: bool,
}

#[derive(Debug, PartialEq)]
enum EchoError {
    BadByte(u8),
    CalledAfterTheEnd,
}

impl std::fmt::Display for EchoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for EchoError {}

impl Echo {
    fn new(first: &[u8], repeats: usize) -> Self {
        Self {
            buffer: [0; 512],
            output: first.to_vec(),
            heard: Vec::new(),
            repeats,
            call_every: None,
            wants_input: true,
            saw_eof: false,
            ended: false,
        }
    }
}

impl Machine for Echo {
    type Error = EchoError;

    fn input_buf(&mut self) -> &mut [u8] {
        if self.wants_input { &mut self.buffer } else { &mut [] }
    }

    fn handle_input(&mut self, _now: Instant, filled: usize) -> Result<(), EchoError> {
        if self.ended {
            return Err(EchoError::CalledAfterTheEnd);
        }
        assert!(filled > 0 && filled <= self.buffer.len());
        let received = &self.buffer[..filled];
        if let Some(bad) = received.iter().find(|byte| **byte >= 0x80) {
            self.ended = true;
            self.output.extend_from_slice(b"bye");
            return Err(EchoError::BadByte(*bad));
        }
        self.heard.extend_from_slice(received);
        let repeated = filled.min(self.repeats);
        self.repeats -= repeated;
        self.output.extend_from_slice(&received[..repeated]);
        Ok(())
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), EchoError> {
        assert!(!self.saw_eof, "told twice");
        self.saw_eof = true;
        if self.ended { Err(EchoError::CalledAfterTheEnd) } else { Ok(()) }
    }

    fn output(&self) -> &[u8] {
        &self.output
    }

    fn consume_output(&mut self, sent: usize) {
        self.output.drain(..sent);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.call_every.map(|(next, _)| next)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), EchoError> {
        if self.ended {
            return Err(EchoError::CalledAfterTheEnd);
        }
        let (next, every) = self.call_every.expect("only called when due");
        assert!(now >= next);
        self.call_every = Some((next + every, every));
        self.output.push(b'!');
        Ok(())
    }
}

#[test]
fn bytes_go_to_and_fro_whole_whatever_the_pieces() {
    for seed in 0..50 {
        let words = Seed::new(seed).bytes(3000).iter().map(|byte| byte & 0x7f).collect::<Vec<_>>();
        let conditions = Conditions {
            piece: 1..=(seed as usize + 1) * 20,
            delay: Duration::ZERO..=Duration::from_millis(seed),
            capacity: 700,
            ..Conditions::default()
        };
        let mut pair = Pair::new(Echo::new(&words, 0), Echo::new(b"", usize::MAX), seed, &conditions);
        pair.drive();
        assert_eq!(pair.a.heard, words);
        assert_eq!(pair.b.heard, words);
        assert_eq!(pair.link.next_arrival(), None);
    }
}

#[test]
fn time_passes_only_as_far_as_the_bytes_travel() {
    let delay = Duration::from_secs(2)..=Duration::from_secs(2);
    let conditions = Conditions { delay, ..Conditions::default() };
    let mut pair = Pair::new(Echo::new(b"x", 0), Echo::new(b"", 1), 1, &conditions);
    pair.drive();
    assert_eq!(pair.clock.elapsed(), Duration::from_secs(4));
    pair.drive();
    assert_eq!(pair.clock.elapsed(), Duration::from_secs(4));
}

#[test]
fn timeouts_are_not_awaited_by_drive_but_fire_while_time_passes() {
    let mut pair = Pair::new(Echo::new(b"", 0), Echo::new(b"", 0), 1, &Conditions::default());
    let every = Duration::from_secs(30);
    pair.a.call_every = Some((pair.now() + every, every));
    pair.drive();
    assert_eq!((pair.clock.elapsed(), pair.b.heard.len()), (Duration::ZERO, 0));
    pair.drive_for(Duration::from_secs(100));
    assert_eq!((pair.clock.elapsed(), &pair.b.heard[..]), (Duration::from_secs(100), &b"!!!"[..]));
    assert!(pair.drive_until(Duration::from_secs(3600), |_, b, _| b.heard.len() == 10));
    assert_eq!(pair.clock.elapsed(), Duration::from_secs(300));
    assert!(!pair.drive_until(Duration::from_secs(3600), |_, b, _| b.heard.len() == 1000));
}

#[test]
fn a_failed_machine_is_flushed_then_hung_up_and_never_called_again() {
    let conditions = Conditions { flip_bit: Some(8 * 5), ..Conditions::default() };
    let mut pair = Pair::new(Echo::new(b"abcdefgh", 0), Echo::new(b"", 0), 1, &conditions);
    pair.link.b_to_a.conditions_mut().flip_bit = None;
    pair.b.call_every = Some((pair.now() + Duration::from_secs(1), Duration::from_secs(1)));
    pair.drive();
    assert_eq!(pair.b_error(), Some(&EchoError::BadByte(b'f' | 0x80)));
    assert_eq!(pair.a.heard, b"bye");
    assert!(pair.a.saw_eof);
    assert!(pair.a_error().is_none());
    assert_eq!(pair.next_timeout(), None);
    pair.a.output.extend_from_slice(b"to nobody");
    pair.drive_for(Duration::from_secs(10));
    assert_eq!(pair.b_error(), Some(&EchoError::BadByte(b'f' | 0x80)));
}

#[test]
fn closing_flushes_first_and_a_cut_stream_is_seen_as_its_end() {
    let mut pair = Pair::new(Echo::new(b"farewell", 0), Echo::new(b"", 0), 1, &Conditions::default());
    pair.close(End::A);
    pair.drive();
    assert_eq!((&pair.b.heard[..], pair.b.saw_eof), (&b"farewell"[..], true));

    let conditions = Conditions { end_after: Some(3), ..Conditions::default() };
    let mut pair = Pair::new(Echo::new(b"farewell", 0), Echo::new(b"", 0), 1, &conditions);
    pair.drive();
    assert_eq!((&pair.b.heard[..], pair.b.saw_eof), (&b"far"[..], true));
    assert!(!pair.a.saw_eof);
}

#[test]
fn a_machine_that_wants_no_input_holds_its_peer_back_without_a_spin() {
    let conditions = Conditions { capacity: 100, ..Conditions::default() };
    let mut pair = Pair::new(Echo::new(&[1; 1000], 0), Echo::new(b"", 0), 1, &conditions);
    pair.b.wants_input = false;
    pair.set_most_steps(100);
    pair.drive();
    assert_eq!((pair.a.output.len(), pair.b.heard.len()), (900, 0));
    pair.b.wants_input = true;
    pair.set_most_steps(10_000);
    pair.drive();
    assert_eq!(pair.b.heard.len(), 1000);
}

#[test]
fn the_application_is_asked_every_round() {
    let mut pair = Pair::new(Echo::new(b"0", 0), Echo::new(b"", 0), 1, &Conditions::default());
    let mut answers = 0;
    pair.drive_with(|_, b, _| {
        let due = b.heard.len() > answers && answers < 5;
        if due {
            answers += 1;
            b.output.push(b'a');
            b.heard.push(0);
        }
        due
    });
    assert_eq!((answers, &pair.a.heard[..]), (5, &b"aaaaa"[..]));
}

#[test]
#[should_panic(expected = "seed 77: the pair is not at rest")]
fn two_machines_that_never_stop_are_caught() {
    let (a, b) = (Echo::new(b"x", usize::MAX), Echo::new(b"", usize::MAX));
    let mut pair = Pair::new(a, b, 77, &Conditions::default());
    pair.set_most_steps(1000);
    pair.drive();
}
