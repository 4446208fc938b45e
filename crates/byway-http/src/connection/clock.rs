//! What each connection waits for and since when, and the sweep that ends those that wait too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::Waker;
use std::time::Duration;

use atomic_waker::AtomicWaker;
use byway_config::limits::{
    CONNECTION_CHECK_INTERVAL, FIRST_BYTE_MAX, HEADER_READ_MAX, KEEP_ALIVE_MAX, LAST_WORD_MAX,
    WRITE_STALL_MAX,
};
use parking_lot::Mutex;
use slab::Slab;
use tokio::io::AsyncRead;
use tokio::sync::watch;

use super::rewound::Rewound;
use super::switched::Switched;
use super::trailers::Trailers;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The first byte of all.
    FirstByte,
    /// Another request, or the end of the connection.
    Request,
    /// The rest of a request's head.
    Head,
    /// The same as `Request`, when it was put away because nothing happened.
    Resting,
    /// Us: a handler, or the stream that it answers with.
    Answer,
    /// The client, to read what it was sent.
    Reader,
}

/// How long a connection may wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitLimits {
    /// For the first byte of all.
    pub(crate) first_byte: Duration,
    /// For the rest of a request's head.
    pub(crate) head: Duration,
    /// For another request.
    pub(crate) keep_alive: Duration,
    /// For the client to read what it was sent.
    pub(crate) reader: Duration,
    /// Between two looks at all connections.
    pub(crate) check_interval: Duration,
}

impl Default for WaitLimits {
    fn default() -> Self {
        Self {
            first_byte: FIRST_BYTE_MAX,
            head: HEADER_READ_MAX,
            keep_alive: KEEP_ALIVE_MAX,
            reader: WRITE_STALL_MAX,
            check_interval: CONNECTION_CHECK_INTERVAL,
        }
    }
}

impl WaitLimits {
    /// `None` where other clocks run.
    fn of(&self, waits: Waits) -> Option<Duration> {
        match waits {
            Waits::FirstByte => Some(self.first_byte),
            Waits::Request | Waits::Resting => Some(self.keep_alive),
            Waits::Head => Some(self.head),
            Waits::Answer => None,
            Waits::Reader => Some(self.reader),
        }
    }
}

impl Waits {
    fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::FirstByte,
            1 => Self::Request,
            2 => Self::Head,
            3 => Self::Resting,
            4 => Self::Answer,
            _ => Self::Reader,
        }
    }
}

/// Bits of a phase that name the wait; the rest is the tick at which it began.
const WAITS_BITS: u32 = 3;
const WAITS_MASK: u32 = (1 << WAITS_BITS) - 1;
const TICKS_MASK: u32 = u32::MAX >> WAITS_BITS;

/// What a connection has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    /// Nothing has happened for a while, and what an idle connection does not need may go.
    Rest,
    Stop,
    TooSlow,
}

const GO_ON: u8 = 0;
const REST: u8 = 1;
const STOP: u8 = 2;
const TOO_SLOW: u8 = 3;

/// Sweeps during which nothing happens before a connection counts as idle.
const TICKS_TO_REST: u32 = 2;

/// So many connections that come to rest leave much memory behind.
pub(super) const RESTING_TO_RELEASE: usize = 500;

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    limits: WaitLimits,
    /// Sweeps so far: the time that phases are measured in.
    ticks: AtomicU32,
    stopping: AtomicBool,
    open: Mutex<Slab<Arc<State>>>,
}

#[derive(Debug)]
struct State {
    /// Where it is listed until its [`Watch`] is dropped.
    shared: Arc<Shared>,
    phase: AtomicU32,
    /// Answers that are being made or sent; more than one only with HTTP/2.
    answering: AtomicU32,
    order: AtomicU8,
    waker: AtomicWaker,
    /// Of the answer that HTTP/1 is sending.
    trailers: Trailers,
    /// What follows that answer, if it is the last.
    switched: Switched,
}

/// One connection's place among all. Dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Watch {
    state: Arc<State>,
    place: usize,
}

impl Connections {
    /// No connections yet, and how long each may wait.
    pub(crate) fn new(limits: WaitLimits) -> Self {
        Self { shared: Arc::new(Shared { limits, ..Shared::default() }) }
    }

    /// A place for a new connection.
    pub(crate) fn open(&self) -> Watch {
        Shared::open(&self.shared, Waits::FirstByte)
    }

    /// Ends connections that wait too long, and tells all to stop once `stop` becomes true. Runs as long
    /// as it is polled.
    ///
    /// `release` is called once a crowd of connections has come to rest: an allocator gives memory back as
    /// it is used, and after a crowd there may be nothing to do for a long time.
    pub(crate) async fn sweep(&self, mut stop: watch::Receiver<bool>, release: fn()) {
        let mut interval = tokio::time::interval(self.shared.limits.check_interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping = false;
        let mut resting = 0;
        loop {
            tokio::select! {
                _ = interval.tick() => match self.shared.end_the_slow() {
                    0 if resting >= RESTING_TO_RELEASE => {
                        resting = 0;
                        release();
                    }
                    more => resting += more,
                },
                _ = stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    self.shared.stop_all();
                }
            }
        }
    }
}

impl Shared {
    fn open(shared: &Arc<Self>, waits: Waits) -> Watch {
        let order = if shared.stopping.load(Ordering::Acquire) { STOP } else { GO_ON };
        let state = Arc::new(State {
            shared: Arc::clone(shared),
            phase: AtomicU32::new(0),
            answering: AtomicU32::new(0),
            order: AtomicU8::new(order),
            waker: AtomicWaker::new(),
            trailers: Trailers::default(),
            switched: Switched::default(),
        });
        let place = shared.open.lock().insert(Arc::clone(&state));
        let watch = Watch { state, place };
        watch.wait_for(waits);
        watch
    }

    /// Returns how many connections begin to rest.
    fn end_the_slow(&self) -> usize {
        let mut resting = 0;
        let now = self.ticks.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let stopping = self.stopping.load(Ordering::Acquire);
        for (_, state) in self.open.lock().iter() {
            let phase = state.phase.load(Ordering::Relaxed);
            let waits = Waits::from_bits(phase & WAITS_MASK);
            let since = phase >> WAITS_BITS;
            let ticks = now.wrapping_sub(since) & TICKS_MASK;
            let waited = self.limits.check_interval * ticks;
            let mut max = self.limits.of(waits);
            if stopping && matches!(waits, Waits::FirstByte | Waits::Request | Waits::Resting) {
                max = max.map(|max| max.min(LAST_WORD_MAX));
            }
            if max.is_some_and(|max| waited > max) {
                state.give(TOO_SLOW);
            } else if waits == Waits::Request && ticks >= TICKS_TO_REST && state.give(REST) {
                resting += 1;
            }
        }
        resting
    }

    fn stop_all(&self) {
        // The flag first: a connection that opens now either sees it or is in the list.
        self.stopping.store(true, Ordering::Release);
        for (_, state) in self.open.lock().iter() {
            state.give(STOP);
        }
    }
}

impl State {
    /// Whether it is a new one.
    fn give(&self, order: u8) -> bool {
        let is_new = self.order.fetch_max(order, Ordering::AcqRel) < order;
        if is_new {
            self.waker.wake();
        }
        is_new
    }
}

impl Watch {
    /// What to do now; the waker is called when that changes.
    pub(super) fn order(&self, waker: &Waker) -> Order {
        self.state.waker.register(waker);
        match self.state.order.load(Ordering::Acquire) {
            GO_ON => Order::GoOn,
            REST => Order::Rest,
            STOP => Order::Stop,
            _ => Order::TooSlow,
        }
    }

    /// Bytes came in. Whether they are the first of a request.
    pub(super) fn bytes_read(&self) -> bool {
        let fresh = matches!(self.waits(), Waits::FirstByte | Waits::Request | Waits::Resting);
        if fresh {
            self.wait_for(Waits::Head);
        }
        fresh
    }

    /// Obeys the order to rest, unless there is another one or something has happened since.
    pub(super) fn rest(&self) -> bool {
        let state = &self.state;
        let order = &state.order;
        if order.compare_exchange(REST, GO_ON, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        let phase = state.phase.load(Ordering::Relaxed);
        if Waits::from_bits(phase & WAITS_MASK) != Waits::Request {
            return false;
        }
        // Since when it waits stays as it is.
        state.phase.store(phase & !WAITS_MASK | Waits::Resting as u32, Ordering::Relaxed);
        true
    }

    /// Waits for the first bytes of another request; `false` where none come.
    pub(super) async fn wait_idle<I: AsyncRead + Unpin>(&self, socket: &mut Rewound<I>) -> bool {
        match self.obeying(socket.look()).await {
            Some(Ok(true)) => {
                self.bytes_read();
                true
            }
            Some(Ok(false) | Err(_)) | None => false,
        }
    }

    /// Bytes went out.
    pub(super) fn bytes_written(&self) {
        match self.waits() {
            Waits::Answer => {}
            // Restarts the clock: an answer that is still being taken is no idle connection.
            _ => self.wait_for(self.state.unstalled()),
        }
    }

    /// The same on an HTTP/2 connection, whose client can make us write without asking for anything: that
    /// alone must not keep it open.
    pub(super) fn write_goes_on(&self) {
        if self.waits() == Waits::Reader {
            self.wait_for(self.state.unstalled());
        }
    }

    /// Bytes did not go out, because the client has not read those before.
    pub(super) fn write_stalled(&self) {
        if self.waits() != Waits::Reader {
            self.wait_for(Waits::Reader);
        }
    }

    /// Whether a request was begun and not completed.
    pub(super) fn awaits_rest_of_head(&self) -> bool {
        self.waits() == Waits::Head
    }

    /// A request is complete as far as its head goes; until the guard is dropped no clock of this module
    /// runs, except while the client does not read.
    pub(crate) fn begin_answer(&self) -> BusyGuard {
        self.state.answering.fetch_add(1, Ordering::Relaxed);
        // A client that does not read keeps its clock.
        if self.waits() != Waits::Reader {
            self.wait_for(Waits::Answer);
        }
        BusyGuard(Arc::clone(&self.state))
    }

    /// HTTP/2 has begun, and no request yet.
    pub(super) fn begin_http2(&self) {
        self.wait_for(Waits::Request);
    }

    /// A clock for one stream of the connection, whose answer is being made.
    pub(super) fn stream(&self) -> Self {
        Shared::open(&self.state.shared, Waits::Answer)
    }

    /// A stream waits for its client to take what was sent.
    pub(super) fn clients_turn(&self) {
        self.wait_for(Waits::Reader);
    }

    /// A stream waits for us.
    pub(super) fn our_turn(&self) {
        self.wait_for(Waits::Answer);
    }

    /// The time in ticks.
    pub(super) fn now(&self) -> u32 {
        self.state.shared.ticks.load(Ordering::Relaxed)
    }

    /// Of the answer that is being sent.
    pub(super) fn trailers(&self) -> &Trailers {
        &self.state.trailers
    }

    /// What follows the answer that is being sent.
    pub(super) fn switched(&self) -> &Switched {
        &self.state.switched
    }

    fn waits(&self) -> Waits {
        self.state.waits()
    }

    fn wait_for(&self, waits: Waits) {
        self.state.wait_for(waits);
    }
}

impl State {
    fn waits(&self) -> Waits {
        Waits::from_bits(self.phase.load(Ordering::Relaxed) & WAITS_MASK)
    }

    /// What is waited for once the client reads again.
    fn unstalled(&self) -> Waits {
        if self.answering.load(Ordering::Relaxed) == 0 { Waits::Request } else { Waits::Answer }
    }

    fn wait_for(&self, waits: Waits) {
        let now = self.shared.ticks.load(Ordering::Relaxed);
        self.phase.store((now << WAITS_BITS) | waits as u32, Ordering::Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.state.shared.open.lock().try_remove(self.place);
    }
}

/// Held while an answer is being made and streamed.
#[derive(Debug)]
pub(crate) struct BusyGuard(Arc<State>);

impl BusyGuard {
    /// Of the answer that is being sent.
    pub(super) fn trailers(&self) -> &Trailers {
        &self.0.trailers
    }

    /// What follows the answer that is being sent.
    pub(super) fn switched(&self) -> &Switched {
        &self.0.switched
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let Self(state) = self;
        let last = state.answering.fetch_sub(1, Ordering::Relaxed) == 1;
        // A client that does not read keeps its clock.
        if last && state.waits() != Waits::Reader {
            state.wait_for(Waits::Request);
        }
    }
}
