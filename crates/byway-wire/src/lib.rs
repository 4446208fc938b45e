//! The frame codec of the worker protocol: no IO, no async, no unsafe.
