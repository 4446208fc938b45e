//! `(globalThis as any).EdgeRuntime`: type assertions within the name of a constant.
//!
//! TypeScript knows no `EdgeRuntime`, so code asks for it like this. What is left of the assertion once
//! types are gone is a pair of parentheses, and a name with these is not found among the constants.

use oxc::allocator::{Allocator, TakeIn as _};
use oxc::ast::ast::{Expression, Program, StaticMemberExpression};
use oxc::ast_visit::{VisitMut, walk_mut};

/// Cheap test that spares most modules the walk.
pub(crate) fn may_ask(source: &str) -> bool {
    source.contains("EdgeRuntime") || source.contains("NEXT_RUNTIME")
}

/// Takes plain names out of parentheses and assertions where a member of them is read.
pub(crate) fn rewrite<'a>(program: &mut Program<'a>, allocator: &'a Allocator) {
    Rewriter { allocator }.visit_program(program);
}

struct Rewriter<'a> {
    allocator: &'a Allocator,
}

impl<'a> VisitMut<'a> for Rewriter<'a> {
    fn visit_static_member_expression(&mut self, it: &mut StaticMemberExpression<'a>) {
        let inner = it.object.get_inner_expression_mut();
        if matches!(inner, Expression::Identifier(_) | Expression::StaticMemberExpression(_)) {
            it.object = inner.take_in(&self.allocator);
        }
        walk_mut::walk_static_member_expression(self, it);
    }
}

#[cfg(test)]
mod tests {
    use oxc::allocator::Allocator;
    use oxc::codegen::Codegen;
    use oxc::parser::Parser;
    use oxc::span::SourceType;

    use super::rewrite;

    #[test]
    fn names_lose_what_is_around_them() {
        let check = |source: &str, expect: &str| {
            let allocator = Allocator::default();
            let mut parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
            rewrite(&mut parsed.program, &allocator);
            assert_eq!(Codegen::new().build(&parsed.program).code.trim_end(), expect);
        };
        check("(globalThis as any).EdgeRuntime;", "globalThis.EdgeRuntime;");
        check("((process)!.env as Env).NEXT_RUNTIME;", "process.env.NEXT_RUNTIME;");
        check("(make() as any).EdgeRuntime;", "(make() as any).EdgeRuntime;");
        check("typeof (a ?? b).EdgeRuntime;", "typeof (a ?? b).EdgeRuntime;");
    }
}
