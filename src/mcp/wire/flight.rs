//! The requests in flight: their ids, and how much of them there is.

use std::collections::{HashMap, HashSet, VecDeque};

use rmcp::model::{ErrorCode, RequestId};

use super::decode::Refusal;

/// Most requests that wait or run at once.
const MAX_REQUESTS: usize = 1024;

/// Most bytes of requests that wait or run at once: four of the largest lines.
const MAX_BYTES: usize = 4 * super::MAX_LINE_BYTES;

/// How many cancelled ids stay refused. The protocol forbids to use an id twice; a call that was cancelled may still be
/// ending, and a new one under its id could get its answer.
const MAX_CANCELLED: usize = 4096;

#[derive(Default)]
pub(super) struct Flight {
    requests: HashMap<RequestId, usize>,
    bytes: usize,
    cancelled: HashSet<RequestId>,
    order: VecDeque<RequestId>,
}

impl Flight {
    /// Takes a request in, or says why not.
    pub(super) fn start(&mut self, id: &RequestId, size: usize) -> Result<(), Box<Refusal>> {
        if self.requests.contains_key(id) {
            // An answer under this id would be taken for the first request's.
            let why = format!("the id {} is in use by a request in flight", shown(id));
            return Err(Box::new(Refusal::new(None, ErrorCode::INVALID_REQUEST, why)));
        }
        if self.cancelled.contains(id) {
            let why = format!("the id {} was used before, by a request that was cancelled", shown(id));
            return Err(Box::new(Refusal::new(Some(id.clone()), ErrorCode::INVALID_REQUEST, why)));
        }
        if self.requests.len() >= MAX_REQUESTS || (self.bytes + size > MAX_BYTES && !self.requests.is_empty()) {
            let why = "too many requests in flight: send it again when some are answered";
            return Err(Box::new(Refusal::new(Some(id.clone()), BUSY, why)));
        }
        self.requests.insert(id.clone(), size);
        self.bytes += size;
        Ok(())
    }

    /// The request has been answered.
    pub(super) fn end(&mut self, id: &RequestId) {
        if let Some(size) = self.requests.remove(id) {
            self.bytes -= size;
        }
    }

    /// The request will not be answered.
    pub(super) fn cancel(&mut self, id: &RequestId) {
        if !self.requests.contains_key(id) {
            return;
        }
        self.end(id);
        if self.cancelled.insert(id.clone()) {
            self.order.push_back(id.clone());
        }
        if self.order.len() > MAX_CANCELLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.cancelled.remove(&oldest);
        }
    }

    pub(super) fn holds(&self, id: &RequestId) -> bool {
        self.requests.contains_key(id)
    }
}

/// From the range that JSON-RPC 2.0 leaves to servers.
const BUSY: ErrorCode = ErrorCode(-32000);

fn shown(id: &RequestId) -> String {
    match id {
        RequestId::Number(number) => number.to_string(),
        RequestId::String(text) => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: i64) -> RequestId {
        RequestId::Number(n)
    }

    #[test]
    fn an_id_is_in_use_until_its_answer() {
        let mut flight = Flight::default();
        flight.start(&id(1), 10).unwrap();
        let refusal = flight.start(&id(1), 10).unwrap_err();
        assert_eq!((refusal.id, refusal.error.code), (None, ErrorCode::INVALID_REQUEST));
        flight.start(&RequestId::String("1".into()), 10).unwrap();
        flight.end(&id(1));
        flight.start(&id(1), 10).unwrap();
    }

    #[test]
    fn a_cancelled_id_stays_refused() {
        let mut flight = Flight::default();
        flight.start(&id(1), 10).unwrap();
        flight.cancel(&id(1));
        flight.cancel(&id(2));
        assert!(flight.start(&id(1), 10).is_err());
        flight.start(&id(2), 10).unwrap();
        assert_eq!(flight.bytes, 10);
    }

    #[test]
    fn count_and_bytes_are_bounded_and_come_back() {
        let mut flight = Flight::default();
        for n in 0..MAX_REQUESTS as i64 {
            flight.start(&id(n), 1).unwrap();
        }
        assert_eq!(flight.start(&id(-1), 1).unwrap_err().error.code, BUSY);
        flight.end(&id(0));
        flight.start(&id(-1), 1).unwrap();

        let mut flight = Flight::default();
        for n in 0..4 {
            flight.start(&id(n), super::super::MAX_LINE_BYTES).unwrap();
        }
        assert!(flight.start(&id(9), 1).is_err());
        flight.end(&id(3));
        flight.start(&id(9), 1).unwrap();
    }
}
