//! `res.socket.server`: WebSocket libraries attach to the server behind a Pages Router route. byway's server
//! is another process.

use byway_error::Diagnostic;
use oxc::ast::AstKind;

use super::Collector;
use crate::Role;
use crate::module::{Module, member};

const CODE: &str = "websocket-upgrade";

pub(super) fn run(module: &Module<'_>, collector: &mut Collector<'_>) {
    if module.source.role != Role::PagesRoute {
        return;
    }
    for node in module.semantic.nodes() {
        let AstKind::StaticMemberExpression(it) = node.kind() else { continue };
        let of_socket = member(&it.object).is_some_and(|(_, name)| name == "socket");
        if it.property.name != "server" || !of_socket {
            continue;
        }
        let message = "a route has no access to the server's socket: `socket.server` throws";
        let help = "run the WebSocket server as a process of its own, with a rewrite that leads \
                    to it, or send events with a streamed answer";
        let found = Diagnostic::warning(message).with_help(help);
        return collector.add(CODE, module.at(found, it.property.span));
    }
}
