//! Sources to .byway/: chunks, source maps, manifest. The only crate that names the bundler.
