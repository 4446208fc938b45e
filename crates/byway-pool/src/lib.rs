//! Worker processes: state machine, one worker, pool, dispatch. Knows no HTTP.
