use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _};

use super::Cli;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
const BEGIN: &str = "<!-- commands -->\n";
const END: &str = "<!-- end of commands -->\n";

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_flag_explains_itself() {
    let mut command = Cli::command();
    command.build();
    for command in command.get_subcommands().filter(|it| it.get_name() != "help") {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name} has no text");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.starts_with("Examples:"), "{name} has no examples");
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{name}: {} has no text", arg.get_id());
        }
    }
}

#[test]
fn the_documented_commands_are_those_of_the_code() {
    let found = std::fs::read_to_string(DOCS).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}\n{END}{after}", reference());
    if found != expected {
        std::fs::write(DOCS, &expected).unwrap();
        panic!("docs/cli.md was out of date and has been written anew");
    }
}

#[test]
fn the_documented_rules_are_those_of_the_code() {
    let text = std::fs::read_to_string(DOCS).unwrap();
    for (rule, _) in byway_check::RULES {
        assert!(text.contains(&format!("| `{rule}` |")), "docs/cli.md does not say `{rule}`");
    }
}

/// Every command with its usage, its arguments and its examples, in Markdown.
fn reference() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from("\n### Every command\n\n");
    table(&mut text, &root.get_arguments().collect::<Vec<_>>());
    for command in root.get_subcommands().filter(|it| it.get_name() != "help") {
        section(&mut text, command);
    }
    text
}

fn section(text: &mut String, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let plain = |it: Option<&StyledStr>| it.map(ToString::to_string).unwrap_or_default();
    let about = plain(command.get_about());
    writeln!(text, "\n### `byway {}`\n\n{about}.\n\n    {usage}\n", command.get_name()).unwrap();
    let own: Vec<&Arg> = command.get_arguments().filter(|it| !it.is_global_set()).collect();
    table(text, &own);
    let mut in_examples = false;
    for line in plain(command.get_after_help()).lines() {
        if line == "Examples:" {
            in_examples = true;
            text.push_str("\nExamples:\n\n");
        } else if in_examples && line.starts_with("  ") {
            writeln!(text, "  {line}").unwrap();
        } else {
            writeln!(text, "{line}").unwrap();
        }
    }
}

fn table(text: &mut String, args: &[&Arg]) {
    let shown = |arg: &&&Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    let rows: Vec<String> = args.iter().filter(shown).map(|arg| row(arg)).collect();
    if !rows.is_empty() {
        text.push_str("| argument | |\n|---|---|\n");
        text.push_str(&rows.concat());
    }
}

fn row(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values())
        .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let name = match (flags.is_empty(), value) {
        (true, value) => value.unwrap_or_else(|| arg.get_id().to_string()),
        (false, Some(value)) => format!("{} {value}", flags.join(", ")),
        (false, None) => flags.join(", "),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let default = match defaults.first() {
        Some(default) if arg.get_action().takes_values() => format!(" Default: `{default}`."),
        _ => String::new(),
    };
    format!("| `{name}` | {}.{default} |\n", help.trim_end_matches('.'))
}
