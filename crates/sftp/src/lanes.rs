//! Who waits for answers, and for whom some have arrived.

use std::collections::VecDeque;

use crate::ticket::Lane;

/// All lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    places: Vec<Place>,
    free: Vec<u32>,
    /// Lanes for which something arrived since they were last looked at, oldest first.
    told: VecDeque<Lane>,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    open: bool,
    arrived: VecDeque<u32>,
}

impl Lanes {
    /// A new lane.
    pub(crate) fn open(&mut self) -> Lane {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        place.open = true;
        Lane { index, generation: place.generation }
    }

    /// Ends a lane; what it said is forgotten.
    pub(crate) fn close(&mut self, lane: Lane) {
        if let Some(place) = self.get_mut(lane) {
            place.open = false;
            place.arrived = VecDeque::new();
            place.generation = place.generation.wrapping_add(1);
            self.free.push(lane.index);
        }
    }

    /// The request `id` of `lane` is answered.
    pub(crate) fn arrive(&mut self, lane: Lane, id: u32) {
        if let Some(place) = self.get_mut(lane) {
            place.arrived.push_back(id);
            if place.arrived.len() == 1 {
                self.told.push_back(lane);
            }
        }
    }

    /// The next request of `lane` that is answered and was not yet named.
    pub(crate) fn next_arrived(&mut self, lane: Lane) -> Option<u32> {
        self.get_mut(lane)?.arrived.pop_front()
    }

    /// The next lane for which something has arrived.
    pub(crate) fn next_told(&mut self) -> Option<Lane> {
        self.told.pop_front()
    }

    fn get_mut(&mut self, lane: Lane) -> Option<&mut Place> {
        let place = self.places.get_mut(lane.index as usize)?;
        (place.open && place.generation == lane.generation).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_told_once_until_it_is_emptied() {
        let mut lanes = Lanes::default();
        let (first, second) = (lanes.open(), lanes.open());
        lanes.arrive(first, 1);
        lanes.arrive(first, 2);
        lanes.arrive(second, 3);
        assert_eq!(
            (lanes.next_told(), lanes.next_told(), lanes.next_told()),
            (Some(first), Some(second), None)
        );
        assert_eq!((lanes.next_arrived(first), lanes.next_arrived(first)), (Some(1), Some(2)));
        assert_eq!(lanes.next_arrived(first), None);
        lanes.arrive(first, 4);
        assert_eq!(lanes.next_told(), Some(first));
        lanes.close(first);
        lanes.arrive(first, 5);
        assert_eq!((lanes.next_arrived(first), lanes.next_told()), (None, None));
        assert_ne!(lanes.open(), first);
    }
}
