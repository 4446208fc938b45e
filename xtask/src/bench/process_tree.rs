//! Processor time and memory of a process and of everything that descends from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What one line of `/proc/PID/stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    group: u32,
    /// Of the process and of its children that ended, in ticks of the clock.
    ticks: u64,
}

/// The processes that descend from `root` or belong to its group.
fn members(root: u32) -> Result<BTreeMap<u32, Stat>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while the folder is read.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(stat) = parse(&text) {
            all.insert(pid, stat);
        }
    }
    let mut inside = BTreeSet::from([root]);
    loop {
        let before = inside.len();
        for (pid, stat) in &all {
            if stat.group == root || inside.contains(&stat.parent) {
                inside.insert(*pid);
            }
        }
        if inside.len() == before {
            all.retain(|pid, _| inside.contains(pid));
            return Ok(all);
        }
    }
}

/// The name of the process is in parentheses and may itself contain blanks and parentheses.
fn parse(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Counted from the state, which is the third field of the line: utime, stime, cutime, cstime.
    let ticks = (11..=14).map(number).sum::<Option<u64>>()?;
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        group: u32::try_from(number(2)?).ok()?,
        ticks,
    })
}

/// Processor time spent so far.
pub(crate) fn processor_time(root: u32) -> Result<Duration> {
    let ticks: u64 = members(root)?.values().map(|stat| stat.ticks).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks.saturating_mul(1_000_000) / per_second.max(1)))
}

/// Resident memory in KiB: each page that processes share is counted once.
pub(crate) fn memory_kib(root: u32) -> Result<u64> {
    let own = process_memory_kib(root);
    let own = own.with_context(|| format!("the memory of process {root} cannot be read"))?;
    // A descendant that ended meanwhile has no memory any more.
    let others = members(root)?.into_keys().filter(|pid| *pid != root);
    Ok(own + others.filter_map(process_memory_kib).sum::<u64>())
}

/// Proportional set size, or resident set size where the kernel does not tell it.
fn process_memory_kib(pid: u32) -> Option<u64> {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    field("smaps_rollup", "Pss:").or_else(|| field("status", "VmRSS:"))
}

#[cfg(test)]
mod tests {
    use super::{Stat, memory_kib, parse, processor_time};
    use std::time::{Duration, Instant};

    #[test]
    fn a_process_may_have_any_name() {
        let text = "12 (a) b (c) S 7 9 9 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 1 0";
        assert_eq!(parse(text), Some(Stat { parent: 7, group: 9, ticks: 110 }));
        assert_eq!(parse("12 (a"), None);
        assert_eq!(parse("12 (a) S 7"), None);
    }

    #[test]
    fn own_figures_are_plausible() {
        let pid = std::process::id();
        let before = processor_time(pid).unwrap();
        let begun = Instant::now();
        while processor_time(pid).unwrap() < before + Duration::from_millis(50) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no processor time is counted");
        }
        assert!(memory_kib(pid).unwrap() > 100);
    }
}
