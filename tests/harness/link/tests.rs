use super::*;

fn all_of(direction: &mut Direction, now: Instant) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        match direction.receive(now, &mut buffer) {
            0 => return pieces,
            length => pieces.push(buffer[..length].to_vec()),
        }
    }
}

#[test]
fn bytes_arrive_in_order_in_pieces_of_the_asked_size() {
    let now = Instant::now();
    let sent = Seed::new(1).bytes(10_000);
    let conditions = Conditions { piece: 3..=17, ..Conditions::default() };
    let mut direction = Direction::new(Seed::new(2), conditions);
    assert_eq!(direction.send(now, &sent), sent.len());
    let pieces = all_of(&mut direction, now);
    assert!(pieces.len() > 10_000 / 17);
    assert!(pieces[..pieces.len() - 1].iter().all(|piece| (3..=17).contains(&piece.len())));
    assert_eq!(pieces.concat(), sent);
    assert_eq!((direction.sent(), direction.received(), direction.in_flight()), (10_000, 10_000, 0));
}

#[test]
fn a_small_buffer_takes_a_piece_in_parts() {
    let now = Instant::now();
    let conditions = Conditions { piece: 10..=10, ..Conditions::default() };
    let mut direction = Direction::new(Seed::new(2), conditions);
    direction.send(now, b"0123456789");
    let mut buffer = [0; 4];
    assert_eq!(direction.receive(now, &mut buffer), 4);
    assert_eq!(&buffer, b"0123");
    assert_eq!(direction.receive(now, &mut []), 0);
    assert_eq!(direction.receive(now, &mut buffer), 4);
    assert_eq!(direction.receive(now, &mut buffer), 2);
    assert_eq!(&buffer[..2], b"89");
}

#[test]
fn nothing_arrives_before_its_time_and_nothing_overtakes() {
    let now = Instant::now();
    let delay = Duration::from_millis(10)..=Duration::from_millis(500);
    let conditions = Conditions { piece: 1..=1, delay, ..Conditions::default() };
    let mut direction = Direction::new(Seed::new(3), conditions);
    direction.send(now, b"abcdefgh");
    assert_eq!(direction.receive(now + Duration::from_millis(9), &mut [0; 8]), 0);
    let mut time = now;
    let mut received = Vec::new();
    while let Some(arrival) = direction.next_arrival() {
        assert!(arrival >= time);
        time = arrival;
        received.extend(all_of(&mut direction, time).concat());
    }
    assert_eq!(received, b"abcdefgh");
    assert!(time <= now + Duration::from_millis(500));
}

#[test]
fn a_full_direction_takes_no_more_until_it_is_read() {
    let now = Instant::now();
    let conditions = Conditions { capacity: 100, ..Conditions::default() };
    let mut direction = Direction::new(Seed::new(4), conditions);
    assert_eq!(direction.send(now, &[7; 150]), 100);
    assert_eq!(direction.send(now, &[7; 50]), 0);
    let freed = direction.receive(now, &mut [0; 30]);
    assert_eq!(direction.send(now, &[7; 50]), freed);
}

#[test]
fn the_stream_ends_at_the_byte_asked_for() {
    let now = Instant::now();
    let conditions = Conditions { end_after: Some(5), ..Conditions::default() };
    let mut direction = Direction::new(Seed::new(5), conditions);
    assert_eq!(direction.send(now, b"0123456789"), 10);
    assert!(!direction.has_ended(now));
    assert_eq!(all_of(&mut direction, now).concat(), b"01234");
    assert!(direction.has_ended(now));
    assert_eq!(direction.send(now, b"more"), 4);
    assert!(all_of(&mut direction, now).is_empty());
}

#[test]
fn exactly_one_bit_is_turned_over_wherever_the_pieces_fall() {
    let now = Instant::now();
    for bit in 0..80 {
        let conditions =
            Conditions { piece: 1..=3, flip_bit: Some(bit), record: true, ..Conditions::default() };
        let mut direction = Direction::new(Seed::new(bit), conditions);
        direction.send(now, &[0; 10]);
        let mut expected = [0_u8; 10];
        expected[bit as usize / 8] = 0x80 >> (bit % 8);
        assert_eq!(all_of(&mut direction, now).concat(), expected);
        assert_eq!(direction.recorded(), [0; 10]);
    }
}

#[test]
fn the_end_travels_behind_the_bytes() {
    let now = Instant::now();
    let delay = Duration::from_secs(1)..=Duration::from_secs(1);
    let mut link = Link::new(&mut Seed::new(6), &Conditions { delay, ..Conditions::default() });
    link.a_to_b.send(now, b"last words");
    link.a_to_b.end(now);
    let later = now + Duration::from_secs(1);
    assert_eq!(link.next_arrival(), Some(later));
    assert!(!link.a_to_b.has_ended(later));
    assert_eq!(all_of(&mut link.a_to_b, later).concat(), b"last words");
    assert!(!link.a_to_b.has_ended(now));
    assert!(link.a_to_b.has_ended(later));
    assert_eq!(link.b_to_a.next_arrival(), None);
}
