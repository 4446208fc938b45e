//! One making at a time for each key; the others wait for it.

use std::collections::HashMap;
use std::sync::Arc;

use byway_config::limits::CACHE_FLIGHTS_MAX;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::entry::Entry;

/// What a making came to.
#[derive(Debug, Clone)]
pub enum Flight {
    /// It goes on.
    Running,
    /// It made something that is kept.
    Kept(Arc<Entry>),
    /// It made something that answers those who waited, and is not kept.
    Shared(Arc<Entry>),
    /// It failed, or what it made is for nobody else.
    Failed,
}

/// The makings that are going on.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    running: Mutex<HashMap<Arc<str>, watch::Sender<Flight>>>,
}

/// Whether the caller makes the entry or waits for another who does.
#[derive(Debug)]
pub(crate) enum Boarding {
    /// The caller makes it, and has to call [`Flights::land`] in any case.
    Leads,
    /// Somebody does already.
    Waits(watch::Receiver<Flight>),
    /// Too many are going on: the caller makes it for itself alone.
    Alone,
}

impl Flights {
    pub(crate) fn board(&self, key: &Arc<str>) -> Boarding {
        let mut running = self.running.lock();
        if let Some(flight) = running.get(key) {
            return Boarding::Waits(flight.subscribe());
        }
        if running.len() >= CACHE_FLIGHTS_MAX {
            return Boarding::Alone;
        }
        running.insert(Arc::clone(key), watch::Sender::new(Flight::Running));
        Boarding::Leads
    }

    /// Tells everybody who waits.
    pub(crate) fn land(&self, key: &str, result: Flight) {
        let flight = self.running.lock().remove(key);
        if let Some(flight) = flight {
            flight.send_replace(result);
        }
    }
}

/// Waits for the end of a making.
pub(crate) async fn landed(mut flight: watch::Receiver<Flight>) -> Flight {
    match flight.wait_for(|flight| !matches!(flight, Flight::Running)).await {
        Ok(flight) => flight.clone(),
        Err(_) => Flight::Failed,
    }
}
