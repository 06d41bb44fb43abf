//! The requests that are under way, by request id. Ids are used again, but never soon: each carries a count of how
//! often its place was used, so that a stale reply is told from a fresh one.

use std::time::Instant;

use crate::answer::{Answer, Expected};
use crate::ticket::Lane;

/// The most requests that may be under way.
pub(crate) const MOST_REQUESTS: usize = 1 << 14;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Request {
    /// Its name in errors.
    pub(crate) operation: &'static str,
    /// What may answer it.
    pub(crate) expected: Expected,
    /// Whom to tell; `None` when nobody waits for the answer any more.
    pub(crate) lane: Option<Lane>,
    /// How many bytes of a file it moves.
    pub(crate) weight: u32,
    /// When it was sent.
    pub(crate) sent: Instant,
    /// The answer, once it is there and not yet taken.
    pub(crate) answer: Option<Answer>,
}

/// All requests under way.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    places: Vec<Place>,
    free: Vec<u16>,
}

#[derive(Debug, Default)]
struct Place {
    generation: u16,
    request: Option<Request>,
}

impl Pending {
    /// Gives `request` an id; `None` when too many are under way.
    pub(crate) fn insert(&mut self, request: Request) -> Option<u32> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.places.len() < MOST_REQUESTS => {
                self.places.push(Place::default());
                u16::try_from(self.places.len() - 1).ok()?
            }
            None => return None,
        };
        let place = self.places.get_mut(usize::from(index))?;
        place.request = Some(request);
        Some(u32::from(place.generation) << 16 | u32::from(index))
    }

    /// The request `id`, if it is under way.
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Request> {
        let place = self.places.get_mut((id & 0xffff) as usize)?;
        place.request.as_mut().filter(|_| u32::from(place.generation) == id >> 16)
    }

    /// Ends the request `id`.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Request> {
        self.get_mut(id)?;
        let index = (id & 0xffff) as u16;
        let place = self.places.get_mut(usize::from(index))?;
        let request = place.request.take();
        place.generation = place.generation.wrapping_add(1);
        // First in, first out would cost a queue; the generation alone keeps ids apart.
        self.free.push(index);
        request
    }

    /// The ids of the requests that answer to `lane`.
    pub(crate) fn of_lane(&self, lane: Lane) -> Vec<u32> {
        let places = self.places.iter().enumerate();
        places
            .filter(|(_, place)| place.request.as_ref().is_some_and(|request| request.lane == Some(lane)))
            .map(|(index, place)| u32::from(place.generation) << 16 | index as u32)
            .collect()
    }

    /// How many requests are under way.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lane: u32) -> Request {
        Request {
            operation: "test",
            expected: Expected::Status,
            lane: Some(Lane { index: lane, generation: 0 }),
            weight: 0,
            sent: Instant::now(),
            answer: None,
        }
    }

    // covers: G02
    #[test]
    fn an_id_that_was_answered_is_not_known_again() {
        let mut pending = Pending::default();
        let mut seen = std::collections::HashSet::new();
        for round in 0..1000 {
            let id = pending.insert(request(round)).unwrap();
            assert!(seen.insert(id));
            assert!(pending.remove(id).is_some());
            assert!(pending.remove(id).is_none() && pending.get_mut(id).is_none());
        }
        assert!(pending.get_mut(0x0000_ffff).is_none());
    }

    #[test]
    fn requests_are_bounded_and_found_by_lane() {
        let mut pending = Pending::default();
        let ids: Vec<u32> = (0..MOST_REQUESTS as u32).map_while(|n| pending.insert(request(n % 2))).collect();
        assert_eq!((ids.len(), pending.len()), (MOST_REQUESTS, MOST_REQUESTS));
        assert_eq!(pending.insert(request(0)), None);
        let lane = pending.of_lane(Lane { index: 1, generation: 0 });
        assert_eq!(lane.len(), MOST_REQUESTS / 2);
        assert!(lane.into_iter().all(|id| pending.remove(id).is_some()));
        assert_eq!(pending.len(), MOST_REQUESTS / 2);
    }
}
