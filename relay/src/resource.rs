//! The relay's paths. An unknown gateway is refused, never fetched on demand.

use sotto_wire::path;

/// What a path names. Hosts are compared octet by octet with the configured ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'a> {
    /// The relay's description of itself.
    Description,
    /// The relay resource of a gateway (RFC 9458 section 2).
    Gateway(&'a str),
    /// A gateway's key document.
    Keys(&'a str),
}

impl<'a> Resource<'a> {
    /// Reads a path; `None` if nothing of ours has that form.
    pub(crate) fn of(path: &'a str) -> Option<Self> {
        if path == path::DESCRIPTION {
            return Some(Self::Description);
        }
        let rest = path.strip_prefix('/')?;
        let (host, resource) = match rest.strip_suffix(path::KEYS_SUFFIX) {
            Some(host) => (host, Self::Keys as fn(&'a str) -> Self),
            None => (rest, Self::Gateway as fn(&'a str) -> Self),
        };
        (!host.is_empty() && !host.contains('/')).then(|| resource(host))
    }

    /// The path of a gateway's relay resource.
    pub(crate) fn path_of(host: &str) -> String {
        format!("/{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources() {
        assert_eq!(
            Resource::of("/.well-known/sotto"),
            Some(Resource::Description)
        );
        assert_eq!(
            Resource::of("/gateway.test"),
            Some(Resource::Gateway("gateway.test"))
        );
        assert_eq!(
            Resource::of("/gateway.test/keys"),
            Some(Resource::Keys("gateway.test"))
        );
        assert_eq!(
            Resource::of(&Resource::path_of("a.test")),
            Some(Resource::Gateway("a.test"))
        );
        for path in [
            "",
            "/",
            "/keys/",
            "//keys",
            "/a/b",
            "/a/b/keys",
            "/.well-known/other",
            "*",
        ] {
            assert_eq!(Resource::of(path), None, "{path}");
        }
    }
}
