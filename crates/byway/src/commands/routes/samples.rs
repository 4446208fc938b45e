//! Paths that a route serves, to ask patterns about.

use std::fmt::Write as _;

use byway_routes::pattern::{Pattern, Segment};

/// Stand-ins for parameters: words, numbers and names of files are what patterns tell apart.
const SAMPLES: [&str; 4] = ["x", "7", "a.png", "favicon.ico"];

/// One path of a route without parameters, several of any other.
pub(super) fn paths(pattern: &Pattern) -> Vec<String> {
    let samples = if pattern.is_static() { &SAMPLES[..1] } else { &SAMPLES[..] };
    samples.iter().map(|sample| target(pattern, sample)).collect()
}

fn target(pattern: &Pattern, sample: &str) -> String {
    let mut target = String::new();
    for segment in &pattern.segments {
        target.push('/');
        match segment {
            // Whatever is not plain ASCII is sent encoded.
            Segment::Static(text) => {
                for byte in text.bytes() {
                    let plain =
                        byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
                    if plain {
                        target.push(char::from(byte));
                    } else {
                        // Writing into a string cannot fail.
                        let _ = write!(target, "%{byte:02X}");
                    }
                }
            }
            _ => target.push_str(sample),
        }
    }
    if target.is_empty() { "/".to_owned() } else { target }
}
