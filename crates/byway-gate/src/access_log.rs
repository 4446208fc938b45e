//! The access log: one line for each request, written off the path of requests.
//!
//! A line is formatted into a buffer of its own and appended to a queue under a lock that is held for
//! one copy. A thread writes what has gathered; when it cannot keep up, lines are dropped and counted,
//! and requests go on (S06).

mod clock;
mod line;
mod writer;

use std::io::Write;
use std::time::{Instant, SystemTime};

use byway_config::{LogFormat, LogSettings};
use http::{HeaderName, HeaderValue, Version, request};

use line::Line;
use writer::Queue;

/// Where the lines go, and what is in them.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    headers: Vec<HeaderName>,
    redacted_headers: Vec<HeaderName>,
    redacted_query: Vec<String>,
    queue: Queue,
}

/// A request that has begun; its line is complete when it ends.
#[derive(Debug)]
pub struct Begun {
    line: Line,
    started: Instant,
}

/// What is known at a request's end.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The answer's status; 0 where the connection was closed without one.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// The route as Next writes it.
    pub route: Option<&'a str>,
    /// Whether the answer was sent to its end.
    pub complete: bool,
}

impl AccessLog {
    /// A log that is written to `out` by a thread of its own. `None` when it is off.
    pub fn new(settings: &LogSettings, out: impl Write + Send + 'static) -> Option<Self> {
        let format = settings.format?;
        let names = |list: &[String]| -> Vec<HeaderName> {
            list.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
        };
        Some(Self {
            format,
            headers: names(&settings.headers),
            redacted_headers: names(&settings.redact_headers),
            redacted_query: settings.redact_query.clone(),
            queue: Queue::new(out),
        })
    }

    /// Begins a request's line.
    pub fn begin(
        &self,
        request: &request::Parts,
        address: &str,
        id: Option<&HeaderValue>,
        started: Instant,
    ) -> Begun {
        let mut line = Line::new(self.format);
        line.time(SystemTime::now());
        line.text("ip", address.as_bytes());
        line.text("method", request.method.as_str().as_bytes());
        line.text("path", request.uri.path().as_bytes());
        if let Some(query) = request.uri.query() {
            line.query(query, &self.redacted_query);
        }
        line.text("protocol", protocol(request.version).as_bytes());
        if let Some(id) = id {
            line.text("request_id", id.as_bytes());
        }
        for name in &self.headers {
            let Some(value) = request.headers.get(name) else { continue };
            if self.redacted_headers.contains(name) {
                line.text(name.as_str(), b"[redacted]");
            } else if *name == http::header::REFERER {
                // A page's own address may carry the same secrets in its query.
                line.address(name.as_str(), value.as_bytes(), &self.redacted_query);
            } else {
                line.text(name.as_str(), value.as_bytes());
            }
        }
        Begun { line, started }
    }

    /// Completes the line and queues it.
    pub fn end(&self, mut begun: Begun, ended: &Ended<'_>) {
        let line = &mut begun.line;
        line.number("status", u64::from(ended.status));
        line.number("bytes", ended.bytes);
        line.milliseconds("duration_ms", begun.started.elapsed());
        if let Some(route) = ended.route {
            line.text("route", route.as_bytes());
        }
        if !ended.complete {
            line.text("end", b"broken");
        }
        self.queue.push(line.finish());
    }

    /// Lines that could not be kept.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests;
