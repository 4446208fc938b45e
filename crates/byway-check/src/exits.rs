//! Whether a function can run to its end without a `return` or a `throw`.

use oxc::ast::ast::{
    ArrowFunctionExpression, BreakStatement, DoWhileStatement, Expression, ForInStatement,
    ForOfStatement, ForStatement, Function, Statement, SwitchStatement, WhileStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::syntax::scope::ScopeFlags;

/// Whether nothing after these statements can be reached. `ends` says which calls never come back.
pub(crate) fn always_exit<'a>(
    statements: &'a [Statement<'a>],
    ends: &dyn Fn(&'a Expression<'a>) -> bool,
) -> bool {
    statements.iter().any(|statement| always_exits(statement, ends))
}

fn always_exits<'a>(
    statement: &'a Statement<'a>,
    ends: &dyn Fn(&'a Expression<'a>) -> bool,
) -> bool {
    match statement {
        Statement::ReturnStatement(_)
        | Statement::ThrowStatement(_)
        | Statement::ContinueStatement(_) => true,
        Statement::ExpressionStatement(it) => ends(&it.expression),
        Statement::BlockStatement(it) => always_exit(&it.body, ends),
        Statement::LabeledStatement(it) => always_exits(&it.body, ends),
        Statement::IfStatement(it) => {
            let other = it.alternate.as_ref().is_some_and(|it| always_exits(it, ends));
            other && always_exits(&it.consequent, ends)
        }
        Statement::TryStatement(it) => {
            let finally = it.finalizer.as_ref().is_some_and(|it| always_exit(&it.body, ends));
            let caught = it.handler.as_ref().is_none_or(|it| always_exit(&it.body.body, ends));
            finally || caught && always_exit(&it.block.body, ends)
        }
        Statement::SwitchStatement(it) => switch_exits(it, ends),
        Statement::WhileStatement(it) => is_true(&it.test) && !breaks(&it.body),
        Statement::DoWhileStatement(it) => {
            (is_true(&it.test) || always_exits(&it.body, ends)) && !breaks(&it.body)
        }
        Statement::ForStatement(it) => it.test.as_ref().is_none_or(is_true) && !breaks(&it.body),
        _ => false,
    }
}

/// Every way in has to lead out: there is a default, nothing breaks, and the last case exits.
fn switch_exits<'a>(
    switch: &'a SwitchStatement<'a>,
    ends: &dyn Fn(&'a Expression<'a>) -> bool,
) -> bool {
    let has_default = switch.cases.iter().any(|case| case.test.is_none());
    let broken = switch.cases.iter().flat_map(|case| &case.consequent).any(breaks);
    let last = switch.cases.last().is_some_and(|case| always_exit(&case.consequent, ends));
    // A case without an exit falls into the next one.
    has_default && !broken && last
}

fn is_true(test: &Expression<'_>) -> bool {
    match test.get_inner_expression() {
        Expression::BooleanLiteral(it) => it.value,
        Expression::NumericLiteral(it) => it.value != 0.0,
        _ => false,
    }
}

/// Whether a `break` leaves the statement that this is the body of.
fn breaks(statement: &Statement<'_>) -> bool {
    let mut visitor = Breaks { inner: 0, found: false };
    visitor.visit_statement(statement);
    visitor.found
}

struct Breaks {
    /// Loops and switches around the place, which an unlabelled `break` leaves instead.
    inner: u32,
    found: bool,
}

impl Breaks {
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.inner += 1;
        walk(self);
        self.inner -= 1;
    }
}

impl<'a> Visit<'a> for Breaks {
    fn visit_break_statement(&mut self, it: &BreakStatement<'a>) {
        self.found |= self.inner == 0 || it.label.is_some();
    }
    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}
    fn visit_arrow_function_expression(&mut self, _: &ArrowFunctionExpression<'a>) {}
    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        self.within(|visitor| walk::walk_switch_statement(visitor, it));
    }
    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.within(|visitor| walk::walk_while_statement(visitor, it));
    }
    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        self.within(|visitor| walk::walk_do_while_statement(visitor, it));
    }
    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.within(|visitor| walk::walk_for_statement(visitor, it));
    }
    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.within(|visitor| walk::walk_for_in_statement(visitor, it));
    }
    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.within(|visitor| walk::walk_for_of_statement(visitor, it));
    }
}
