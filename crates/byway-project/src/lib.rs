//! Reads a project from disk: sources, tsconfig, .env files.
