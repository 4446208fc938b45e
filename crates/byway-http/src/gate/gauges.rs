//! What `/metrics` tells beside the counters of requests.

use byway_gate::metrics::{Gauge, label};
use byway_pool::{Pool, WorkerStatus};

use super::Gate;

impl Gate {
    /// All counters as text; empty where nothing is counted.
    pub(crate) fn metrics(&self, pool: &Pool) -> String {
        let Some(observer) = &self.observer else { return String::new() };
        let Some(metrics) = &observer.metrics else { return String::new() };
        let mut gauges = workers(pool);
        let one = |value: f64| vec![(String::new(), value)];
        let refused = self.refused.read();
        gauges.push(Gauge {
            name: "byway_refused_total",
            help: "Requests that a limit or a policy refused.",
            counter: true,
            values: refused.map(|(reason, count)| (format!("reason=\"{reason}\""), count)).to_vec(),
        });
        if let Some(routes) = &self.routes {
            let limits = routes.policies.rates();
            let value = |(index, it): (usize, &std::sync::Arc<byway_gate::rate::RateLimits>)| {
                let labels = format!("limit=\"{index}\",policy=\"{}\"", label(it.policy()));
                (labels, number(it.refused()))
            };
            gauges.push(Gauge {
                name: "byway_rate_limited_total",
                help: "Requests that a rate limit refused, by the limit's place in the settings.",
                counter: true,
                values: limits.enumerate().map(value).collect(),
            });
        }
        if let Some(store) = &self.store {
            gauges.push(Gauge {
                name: "byway_rate_store_up",
                help: "Whether rate limits are counted in the shared store (1) or without it (0).",
                counter: false,
                values: one(f64::from(u8::from(store.is_up()))),
            });
            gauges.push(Gauge {
                name: "byway_rate_store_failures_total",
                help: "How often the store of rate limits became unusable.",
                counter: true,
                values: one(number(store.failures())),
            });
        }
        gauges.push(Gauge {
            name: "byway_request_body_bytes",
            help: "Bytes of requests' bodies that are in memory.",
            counter: false,
            values: one(number(self.bodies.taken())),
        });
        gauges.push(Gauge {
            name: "byway_websockets",
            help: "WebSockets to other servers that are open.",
            counter: false,
            values: one(number(self.websockets.open())),
        });
        gauges.push(Gauge {
            name: "byway_access_log_dropped_total",
            help: "Lines of the access log that were lost.",
            counter: true,
            values: one(number(observer.lines_dropped())),
        });
        metrics.render(&gauges)
    }
}

fn workers(pool: &Pool) -> Vec<Gauge> {
    let workers = pool.workers();
    let of = |value: fn(&WorkerStatus) -> f64| {
        workers.iter().map(|it| (format!("worker=\"{}\"", it.id), value(it))).collect::<Vec<_>>()
    };
    let requests = of(|it| number(it.in_flight as u64));
    let delays = of(|it| number(it.loop_delay_us) / 1e6);
    let memory = of(|it| number(it.memory_bytes));
    let one = |value: usize| vec![(String::new(), number(value as u64))];
    let gauge = |name, help, values| Gauge { name, help, counter: false, values };
    let groups = pool.status().groups;
    let restarts = groups.iter().flat_map(|group| {
        let of = |(reason, count): (&String, &u64)| {
            (format!("pool=\"{}\",reason=\"{reason}\"", label(&group.name)), number(*count))
        };
        group.restarts.iter().map(of).collect::<Vec<_>>()
    });
    vec![
        gauge("byway_workers_ready", "Workers that take requests.", one(pool.ready())),
        gauge("byway_queue_length", "Requests that wait for a worker.", one(pool.waiting())),
        gauge("byway_worker_requests", "Requests in flight on a worker.", requests),
        gauge("byway_worker_loop_delay_seconds", "Delay of a worker's event loop.", delays),
        gauge("byway_worker_memory_bytes", "Resident memory of a worker.", memory),
        Gauge {
            name: "byway_worker_restarts_total",
            help: "Workers that were started in place of another.",
            counter: true,
            values: restarts.collect(),
        },
    ]
}

/// Counters are floating-point numbers in the exposition format.
#[expect(clippy::cast_precision_loss, reason = "what is lost is less than a millionth")]
fn number(count: u64) -> f64 {
    count as f64
}
