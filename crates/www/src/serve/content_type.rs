//! Content types by file name.

/// What is not in the table.
const UNKNOWN: &str = "application/octet-stream";

/// Ending, content type, and whether gzip gains on it: what web builds put out. JSON has no charset parameter, and
/// JavaScript is `text/javascript` (RFC 9239).
const TYPES: [(&str, &str, bool); 37] = [
    ("html", "text/html;charset=utf-8", true),
    ("htm", "text/html;charset=utf-8", true),
    ("js", "text/javascript;charset=utf-8", true),
    ("mjs", "text/javascript;charset=utf-8", true),
    ("css", "text/css;charset=utf-8", true),
    ("json", "application/json", true),
    ("map", "application/json", true),
    ("webmanifest", "application/manifest+json", true),
    ("svg", "image/svg+xml", true),
    ("txt", "text/plain;charset=utf-8", true),
    ("md", "text/markdown;charset=utf-8", true),
    ("csv", "text/csv;charset=utf-8", true),
    ("xml", "application/xml", true),
    ("xhtml", "application/xhtml+xml", true),
    ("wasm", "application/wasm", true),
    ("ico", "image/x-icon", true),
    ("bmp", "image/bmp", true),
    ("ttf", "font/ttf", true),
    ("otf", "font/otf", true),
    ("eot", "application/vnd.ms-fontobject", true),
    ("woff", "font/woff", false),
    ("woff2", "font/woff2", false),
    ("png", "image/png", false),
    ("jpg", "image/jpeg", false),
    ("jpeg", "image/jpeg", false),
    ("gif", "image/gif", false),
    ("webp", "image/webp", false),
    ("avif", "image/avif", false),
    ("mp3", "audio/mpeg", false),
    ("ogg", "audio/ogg", false),
    ("wav", "audio/wav", true),
    ("mp4", "video/mp4", false),
    ("webm", "video/webm", false),
    ("pdf", "application/pdf", false),
    ("zip", "application/zip", false),
    ("gz", "application/gzip", false),
    ("br", "application/octet-stream", false),
];

fn entry(path: &str) -> Option<&'static (&'static str, &'static str, bool)> {
    let name = path.rsplit('/').next()?;
    let (_, ending) = name.rsplit_once('.')?;
    TYPES
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(ending))
}

/// The content type of a file of this name, `application/octet-stream` if it is not known.
pub fn content_type(path: &str) -> &'static str {
    entry(path).map_or(UNKNOWN, |(_, content_type, _)| content_type)
}

/// Whether files of this name are of a type that gzip makes smaller.
pub fn is_compressible(path: &str) -> bool {
    entry(path).is_some_and(|(.., compressible)| *compressible)
}
