//! Listeners, connections, the request pipeline, drain.
