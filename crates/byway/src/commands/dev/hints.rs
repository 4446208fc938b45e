//! What to do about the mistakes that people make most.

use byway_error::Diagnostic;

use super::report::{Report, Thrown};
use super::variables::Variables;

/// A hint for the failure, if it is a well-known one. `variables` are those that are set.
pub(super) fn of(
    report: &Report,
    place: Option<&Diagnostic>,
    variables: &Variables,
) -> Option<String> {
    let line = place.and_then(source_line).unwrap_or_default();
    report.errors.iter().find_map(|thrown| {
        of_error(thrown, &report.file, line).or_else(|| {
            let variable = missing_variable(&thrown.message, line)?;
            let is_absent = !variables.has(&variable);
            is_absent.then(|| {
                format!("set `{variable}` in `.env.local`; saving the file restarts the worker")
            })
        })
    })
}

/// The line of the source that the place is on.
fn source_line(place: &Diagnostic) -> Option<&str> {
    let (location, source) = (place.location.as_ref()?, place.source.as_ref()?);
    source.lines().nth((location.line as usize).checked_sub(1)?)
}

fn of_error(thrown: &Thrown, file: &str, line: &str) -> Option<String> {
    let Thrown { name, message, code, .. } = thrown;
    let says = |text: &str| message.contains(text);
    let is_pages = file.starts_with("pages/") || file.starts_with("src/pages/");
    if says("No signatures found matching the expected signature")
        || says("Webhook payload must be provided as a string or a Buffer")
        || name == "StripeSignatureVerificationError"
    {
        return Some(if is_pages {
            "the signature is one of the raw body: add `export const config = { api: { bodyParser: \
             false } }` and read the request as a stream"
                .to_owned()
        } else {
            "the signature is one of the raw body: pass on `await request.text()`, not parsed JSON"
                .to_owned()
        });
    }
    if says("Body is unusable") || says("Body has already been") || says("Body already") {
        return Some(
            "a body can be read once: keep what the first reading gave, or read `request.clone()`"
                .to_owned(),
        );
    }
    if says("No response is returned from route handler") {
        return Some("`return` the Response in every branch of the handler".to_owned());
    }
    if line.contains(".errors") && says("Cannot read properties of undefined") {
        return Some("Zod 4 calls the list `error.issues`; `error.errors` was Zod 3's".to_owned());
    }
    if name == "ReferenceError"
        && ["window", "document", "localStorage", "navigator"]
            .iter()
            .any(|global| says(&format!("{global} is not defined")))
    {
        return Some("this code runs on the server, where there is no browser".to_owned());
    }
    if code.as_deref() == Some("ECONNREFUSED") {
        return Some("nothing listens at this address: is the service running?".to_owned());
    }
    None
}

/// The name of an environment variable that the error is about, as far as one can tell.
fn missing_variable(message: &str, line: &str) -> Option<String> {
    let absent = ["missing", "required", "not set", "undefined", "not defined", "must be set"];
    let lower = message.to_ascii_lowercase();
    if !absent.iter().any(|word| lower.contains(word)) && !lower.contains("invalid url") {
        return None;
    }
    if let Some((_, rest)) = line.split_once("process.env.") {
        return Some(word_of(rest));
    }
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.len() > 4 && word.contains('_') && word.chars().all(is_part))
        .map(str::to_owned)
        .next()
}

fn word_of(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use byway_error::Location;

    use super::*;

    fn hint(name: &str, message: &str, file: &str, line: &str) -> Option<String> {
        let thrown = Thrown { name: name.into(), message: message.into(), ..Thrown::default() };
        let report = Report { file: file.into(), errors: vec![thrown], ..Report::default() };
        let location = Location { line: 1, column: 1, length: 1 };
        let set = Variables::with(&[("MAIL_API_KEY", "x")]);
        of(&report, Some(&Diagnostic::error("").in_file(file).at(location, line)), &set)
    }

    #[test]
    fn frequent_mistakes_have_a_hint() {
        let app = "app/api/a/route.ts";
        for (name, message, file, line, expect) in [
            ("TypeError", "Body is unusable: Body has already been read", app, "", "once"),
            ("Error", "No response is returned from route handler 'x'.", app, "", "`return`"),
            (
                "TypeError",
                "Cannot read properties of undefined (reading 'map')",
                app,
                "  return parsed.error.errors.map((e) => e.message)",
                "issues",
            ),
            ("ReferenceError", "window is not defined", app, "", "no browser"),
            ("Error", "Missing STRIPE_SECRET_KEY", app, "", "`STRIPE_SECRET_KEY`"),
            (
                "TypeError",
                "Invalid URL",
                app,
                "const base = new URL(process.env.API_URL!)",
                "`API_URL`",
            ),
            (
                "StripeSignatureVerificationError",
                "x",
                "pages/api/webhook.ts",
                "",
                "bodyParser: false",
            ),
            ("StripeSignatureVerificationError", "x", app, "", "request.text()"),
        ] {
            let hint = hint(name, message, file, line).unwrap_or_default();
            assert!(hint.contains(expect), "{message}: {hint}");
        }
    }

    #[test]
    fn other_errors_have_none() {
        assert_eq!(hint("Error", "boom", "app/a/route.ts", "throw new Error('boom')"), None);
        assert_eq!(hint("TypeError", "x is undefined", "app/a/route.ts", ""), None);
        // It is there, so it is wrong in another way.
        assert_eq!(hint("Error", "Missing MAIL_API_KEY", "app/a/route.ts", ""), None);
    }
}
