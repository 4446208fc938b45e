//! An app as a [`tower::Service`].

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;

use crate::respond::AnswerBroken;
use crate::{AnswerBodyStream, App, Peer};

/// The peer of a request that comes through [`tower::Service`], as a request extension; without it the
/// client's address is unknown.
fn peer_of<B>(request: &Request<B>) -> Peer {
    request.extensions().get::<Peer>().cloned().unwrap_or_else(Peer::unknown)
}

impl<B> tower::Service<Request<B>> for App
where
    B: Body<Data = Bytes, Error: Send> + Unpin + Send + 'static,
{
    type Response = Response<AnswerBodyStream>;
    type Error = AnswerBroken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, AnswerBroken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), AnswerBroken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let app = self.clone();
        let peer = peer_of(&request);
        Box::pin(async move { app.respond(request, &peer).await })
    }
}
