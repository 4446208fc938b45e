//! Every named maximum, and the settings of a server: `byway.toml`, variables and flags, checked.
//!
//! The getters of `reader` both read a value and say what it is for; the list of settings in the docs,
//! the schema and the check for unknown keys all come from there, so that none of them can be forgotten.

mod address;
mod compression;
mod context;
mod describe;
mod kind;
pub mod limits;
mod listen;
mod load;
mod log;
mod node;
mod origin;
mod policy;
mod reader;
mod route_file;
mod rule;
mod server;
mod settings;
mod store;
mod suggest;
mod supervision;
pub mod units;

pub use address::{AddressBlock, TrustedProxy};
pub use compression::{Coding, CompressionSettings};
pub use context::{KeyInfo, Shown};
pub use describe::{reference, schema};
pub use kind::Kind;
pub use listen::{ListenAddress, ListenPlace};
pub use load::{CONFIG_FILE, Flags, Loaded, keys, load};
pub use log::{LogFormat, LogSettings};
pub use node::{Entry, Node, Value};
pub use origin::{Given, Origin, variable_of};
pub use policy::{
    Algorithm, Cors, Counted, Csrf, OriginPattern, RateKey, RateLimit, RoutePolicy,
    SecurityHeaders, SharedCache, StoreDown,
};
pub use reader::Switch;
pub use route_file::{is_foreign, route_policy};
pub use rule::RouteRule;
pub use server::{RequestIdSettings, ServerSettings, TlsSettings};
pub use settings::{LimitSettings, Settings, WorkerCount, WorkerSettings};
pub use store::{StoreSettings, StoreUrl};
pub use supervision::{Affinity, Isolation, Permissions, PoolRule, Supervision, Uncaught};
