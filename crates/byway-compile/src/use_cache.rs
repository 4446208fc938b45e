//! `'use cache'`: a directive that this version does not apply.

use oxc::ast::ast::{Directive, Program};
use oxc::ast_visit::Visit;

/// What the directive says, alone or with the name of a cache behind it.
const DIRECTIVE: &str = "use cache";

/// Cheap test that spares most modules the walk.
pub(crate) fn may_ask(source: &str) -> bool {
    source.contains(DIRECTIVE)
}

/// Whether the module or a function in it has the directive.
pub(crate) fn is_in(program: &Program<'_>) -> bool {
    let mut search = Search { found: false };
    search.visit_program(program);
    search.found
}

struct Search {
    found: bool,
}

impl<'a> Visit<'a> for Search {
    fn visit_directive(&mut self, it: &Directive<'a>) {
        let rest = it.directive.as_str().strip_prefix(DIRECTIVE);
        self.found |= rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "));
    }
}

#[cfg(test)]
mod tests {
    use oxc::allocator::Allocator;
    use oxc::parser::Parser;
    use oxc::span::SourceType;

    use super::is_in;

    #[test]
    fn directives_are_told_from_other_text() {
        let check = |source: &str, expect: bool| {
            let allocator = Allocator::default();
            let parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
            assert_eq!(is_in(&parsed.program), expect, "{source}");
        };
        check("'use cache'; export async function f() {}", true);
        check("async function f() { 'use cache'; return 1 }", true);
        check("const f = async () => { 'use cache: remote'; return 1 }", true);
        check("const text = 'use cache'", false);
        check("function f() { 'use cachet' }", false);
        check("function f() { g(); 'use cache' }", false);
    }
}
