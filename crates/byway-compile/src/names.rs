//! Readable, safe and unique names for the chunks of routes.
//!
//! Route files are called `[id]`, `(group)` or `日本`, and their chunks must work in archives and on file
//! systems that ignore case. So a name keeps only ASCII letters, digits, `_` and `-`, with dots between
//! folders, and a number is added where two would be equal.

use std::collections::HashSet;

/// Longer names are cut; file systems take 255 bytes, and `.mjs.map` and a number follow.
const NAME_CHARS_MAX: usize = 120;

/// One name per file, in the order of `files`, without extension.
pub(crate) fn chunk_names<'a>(files: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    files
        .map(|file| {
            let base = readable(file);
            let mut name = base.clone();
            let mut number = 1_u32;
            while !taken.insert(name.to_ascii_lowercase()) {
                number += 1;
                name = format!("{base}-{number}");
            }
            name
        })
        .collect()
}

/// `app/api/users/[id]/route.ts` becomes `app.api.users.id`.
fn readable(file: &str) -> String {
    let stem = match file.rfind('/') {
        Some(slash) => match file[slash..].rfind('.') {
            Some(dot) => &file[..slash + dot],
            None => file,
        },
        None => file.rfind('.').map_or(file, |dot| &file[..dot]),
    };
    let stem = stem.strip_suffix("/route").unwrap_or(stem);
    let mut name = String::new();
    for folder in stem.split('/') {
        let plain: String = folder
            .chars()
            .filter_map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => Some(c),
                '[' | ']' | '(' | ')' | '.' => None,
                _ => Some('_'),
            })
            .collect();
        if plain.is_empty() {
            continue;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&plain);
    }
    if name.is_empty() {
        name.push_str("route");
    }
    name.truncate(NAME_CHARS_MAX);
    name
}

#[cfg(test)]
mod tests {
    use super::chunk_names;

    fn check(files: &[&str], expect: &[&str]) {
        assert_eq!(chunk_names(files.iter().copied()), expect);
    }

    #[test]
    fn names_are_readable() {
        check(
            &["app/api/users/[id]/route.ts", "pages/api/hello.ts", "src/app/(shop)/x/route.js"],
            &["app.api.users.id", "pages.api.hello", "src.app.shop.x"],
        );
    }

    #[test]
    fn equal_names_get_numbers_whatever_their_case() {
        check(
            &[
                "app/a/[id]/route.ts",
                "app/a/id/route.ts",
                "app/A/ID/route.ts",
                "app/a/id-2/route.ts",
            ],
            &["app.a.id", "app.a.id-2", "app.A.ID-3", "app.a.id-2-2"],
        );
    }

    #[test]
    fn nothing_unsafe_survives() {
        check(
            &["app/日本/route.ts", "app/[[...all]]/route.ts", "app/a b/../c/route.ts"],
            &["app.__", "app.all", "app.a_b.c"],
        );
        let long = format!("app/{}/route.ts", "x".repeat(400));
        assert_eq!(chunk_names([long.as_str()].into_iter())[0].len(), 120);
    }

    #[test]
    fn a_route_at_the_root_has_a_name() {
        check(&["[[...all]].ts", "路.ts", "route.ts"], &["all", "_", "route"]);
    }
}
