//! Files of `public/`: which path names one, and the answer to a request for it.
//!
//! The names are fixed when the server starts, as under `next start`: a path is looked up among them and
//! never joined to a folder, so that none can lead out of it. What a file holds is read when it is asked
//! for, and what changes on disk is noticed. Answers are those of Next, which uses the npm package `send`,
//! except where RFC 9110 is plainly broken by it.

mod body;
mod conditional;
mod content_type;
mod encoding;
mod kept;
mod load;
mod range;

use std::io;
use std::path::PathBuf;

use byway_routes::path::RequestPath;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use rustc_hash::FxHashMap;

pub(crate) use body::FileBody;

use crate::{AnswerBodyStream, respond};
use conditional::Verdict;
use encoding::Coding;
use kept::Kept;
use load::{Content, Loaded};

/// A compressed copy may be older than its file by this much: tools and checkouts write the two in any
/// order. One that is older still belongs to an earlier version of the file.
const VARIANT_LAG_SECONDS_MAX: u64 = 60;

/// The files of one folder by their names. A name is relative to the folder, with `/`, and is also the
/// decoded path of the file without its first slash.
#[derive(Debug, Default)]
pub struct Files {
    /// Real, so that a file's real path can be compared with it.
    root: PathBuf,
    /// Clients cannot add names, so a hash that is not keyed will do.
    index: FxHashMap<Box<str>, usize>,
    entries: Vec<Entry>,
    kept: Kept,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    content_type: HeaderValue,
    /// Copies of the file that lie beside it in compressed form.
    variants: Vec<(Coding, usize)>,
}

/// A file that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId(usize);

impl Files {
    /// The files `names` of the folder `root`.
    pub fn new(root: PathBuf, names: Vec<String>) -> io::Result<Self> {
        if names.is_empty() {
            return Ok(Self::default());
        }
        let mut index = FxHashMap::default();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let name = name.into_boxed_str();
            index.insert(name.clone(), entries.len());
            let content_type = content_type::of(&name);
            entries.push(Entry { name, content_type, variants: Vec::new() });
        }
        for entry in &mut entries {
            let variant = |coding: Coding| {
                let name = format!("{}.{}", entry.name, coding.extension());
                Some((coding, *index.get(name.as_str())?))
            };
            entry.variants = Coding::ALL.into_iter().filter_map(variant).collect();
        }
        let kept = Kept::new(entries.len());
        Ok(Self { root: std::fs::canonicalize(root)?, index, entries, kept })
    }

    /// The file that the path names.
    pub(crate) fn find(&self, path: &RequestPath) -> Option<FileId> {
        if self.entries.is_empty() {
            return None;
        }
        self.index.get(path.file_name()?.as_ref()).copied().map(FileId)
    }

    /// The answer to a request for a file.
    pub(crate) async fn respond(
        &self,
        FileId(at): FileId,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response<AnswerBodyStream> {
        if *method == Method::OPTIONS {
            return respond::options("GET, HEAD, OPTIONS");
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return method_not_allowed();
        }
        match self.represent(at, headers).await {
            Ok(Some((loaded, coding))) => {
                let mut response = answer(&loaded, headers);
                if !self.entries.get(at).is_none_or(|entry| entry.variants.is_empty()) {
                    mark_variant(response.headers_mut(), coding);
                }
                response
            }
            // It was there when the server started.
            Ok(None) => respond::not_found(),
            Err(error) => {
                let name = self.entries.get(at).map_or("", |entry| &entry.name);
                tracing::error!("cannot read `public/{name}`: {error}");
                respond::refused(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// The file, or a compressed copy where the client prefers one that is current. Parts are those of
    /// the file itself.
    async fn represent(
        &self,
        at: usize,
        headers: &HeaderMap,
    ) -> io::Result<Option<(Loaded, Option<Coding>)>> {
        let Some(entry) = self.entries.get(at) else { return Ok(None) };
        let Some(file) = self.load(at).await? else { return Ok(None) };
        if entry.variants.is_empty() || headers.contains_key(RANGE) {
            return Ok(Some((file, None)));
        }
        let offered = entry.variants.iter().map(|(coding, _)| *coding);
        let chosen = encoding::choose(headers.get_all(ACCEPT_ENCODING), offered);
        let variant = entry.variants.iter().find(|(coding, _)| Some(*coding) == chosen);
        if let Some((coding, at)) = variant
            && let Some(mut copy) = self.load(*at).await?
            && copy.facts.modified_seconds + VARIANT_LAG_SECONDS_MAX >= file.facts.modified_seconds
        {
            copy.facts.set_content_type(&entry.content_type);
            return Ok(Some((copy, Some(*coding))));
        }
        Ok(Some((file, None)))
    }

    async fn load(&self, at: usize) -> io::Result<Option<Loaded>> {
        let Some(entry) = self.entries.get(at) else { return Ok(None) };
        match self.kept.fresh(at) {
            Some(loaded) => Ok(Some(loaded)),
            None => self.kept.load(at, &self.root, &entry.name, &entry.content_type).await,
        }
    }
}

/// The answer to GET and HEAD; hyper leaves the body of the latter out.
fn answer(loaded: &Loaded, headers: &HeaderMap) -> Response<AnswerBodyStream> {
    let facts = &loaded.facts;
    let (status, part) = match conditional::judge(headers, facts) {
        Verdict::Whole => (StatusCode::OK, 0..facts.length),
        Verdict::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Verdict::NotModified => {
            let mut response = respond::empty(StatusCode::NOT_MODIFIED);
            *response.headers_mut() = facts.headers_of_304();
            return response;
        }
        Verdict::Failed => return respond::refused(StatusCode::PRECONDITION_FAILED),
        Verdict::Unsatisfiable => {
            let mut response = respond::refused(StatusCode::RANGE_NOT_SATISFIABLE);
            if let Ok(range) = HeaderValue::try_from(format!("bytes */{}", facts.length)) {
                response.headers_mut().insert(CONTENT_RANGE, range);
            }
            return response;
        }
    };
    let range = (status == StatusCode::PARTIAL_CONTENT).then(|| {
        let last = part.end.saturating_sub(1);
        HeaderValue::try_from(format!("bytes {}-{last}/{}", part.start, facts.length))
    });
    let body = match &loaded.content {
        Content::Whole(bytes) => {
            AnswerBodyStream::whole(bytes.slice(part.start as usize..part.end as usize))
        }
        Content::Open(file) => AnswerBodyStream::file(FileBody::new(file, part)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = facts.headers.clone();
    if let Some(Ok(range)) = range {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    response
}

fn mark_variant(headers: &mut HeaderMap, coding: Option<Coding>) {
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
}

/// 405 with one `Allow` line for each method, as Next sends them.
fn method_not_allowed() -> Response<AnswerBodyStream> {
    let mut response = respond::refused(StatusCode::METHOD_NOT_ALLOWED);
    for method in ["GET", "HEAD"] {
        response.headers_mut().append(ALLOW, HeaderValue::from_static(method));
    }
    response
}

/// Next's default for files, which the browser asks about each time.
const REVALIDATED: HeaderValue = HeaderValue::from_static("public, max-age=0");

fn cache_control(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, REVALIDATED);
}

#[cfg(test)]
mod tests;
