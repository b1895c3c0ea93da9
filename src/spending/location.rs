//! Where a URL leads: whether two name the same resource, and who can read what goes there.

/// The names of this machine itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The scheme, the host, the port and the path of a URL. Scheme and host are in small letters.
#[derive(Debug, PartialEq, Eq)]
struct Location<'a> {
    scheme: String,
    host: String,
    port: String,
    path: &'a str,
}

impl<'a> Location<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let scheme = scheme.to_ascii_lowercase();
        let authority = authority.to_ascii_lowercase();
        // Before an `@` stands a user, not a host.
        if authority.contains('@') {
            return None;
        }
        // The colons of an IPv6 address stand in brackets.
        let colon = authority.rfind(':').filter(|colon| authority.rfind(']').is_none_or(|bracket| bracket < *colon));
        let (host, port) = authority.split_at_checked(colon.unwrap_or(authority.len()))?;
        let port = match port.strip_prefix(':') {
            Some(port) if !port.is_empty() => port,
            _ if scheme == "https" => "443",
            _ => "80",
        };
        Some(Self { host: host.to_owned(), port: port.to_owned(), scheme, path: if path.is_empty() { "/" } else { path } })
    }

    fn is_loopback(&self) -> bool {
        LOOPBACK.contains(&self.host.as_str())
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_host = self.host == other.host || (self.is_loopback() && other.is_loopback());
        same_host && self.scheme == other.scheme && self.port == other.port && self.path == other.path
    }
}

/// Whether a resource is the address of a request: the same origin and path. A path alone is one of
/// the same origin. The names of this machine are one host.
pub(super) fn is_same_resource(resource: &str, url: &str) -> bool {
    let Some(wanted) = Location::of(url) else { return false };
    if is_path(resource) {
        return resource.split(['?', '#']).next() == Some(wanted.path);
    }
    Location::of(resource).is_some_and(|location| location.is_same(&wanted))
}

/// A resource as a URL that `spend.allowResource` can name. `None` when it is not one.
pub(super) fn as_url(resource: &str, url: &str) -> Option<String> {
    if is_path(resource) {
        let origin = url.split_once("://").and_then(|(scheme, rest)| Some(format!("{scheme}://{}", rest.split('/').next()?)));
        return origin.map(|origin| origin + resource);
    }
    Location::of(resource).filter(|location| !location.host.is_empty()).map(|_| resource.to_owned())
}

/// Whether nobody else can read what goes to this address: it is encrypted, or stays on this
/// machine.
pub(super) fn is_unreadable_to_others(url: &str) -> bool {
    let Some(location) = Location::of(url) else { return false };
    let is_loopback_number =
        location.host.starts_with("127.") && location.host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    location.scheme == "https" || location.is_loopback() || location.host.ends_with(".localhost") || is_loopback_number
}

fn is_path(resource: &str) -> bool {
    resource.starts_with('/') && !resource.starts_with("//")
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;

    const URL: &str = "https://api.example.com/api/messaging/jobs";

    #[test]
    fn a_resource_is_the_requests_when_origin_and_path_are_the_same() {
        for same in [
            URL,
            "HTTPS://API.example.com:443/api/messaging/jobs",
            "https://api.example.com:/api/messaging/jobs",
            "https://api.example.com/api/messaging/jobs?x=1#y",
            "/api/messaging/jobs",
            "/api/messaging/jobs?x=1",
        ] {
            assert!(is_same_resource(same, URL), "{same}");
        }
        for other in [
            "https://evil.example/api/messaging/jobs",
            "http://api.example.com/api/messaging/jobs",
            "https://api.example.com:8443/api/messaging/jobs",
            "https://api.example.com/api/messaging/jobs/other",
            "https://api.example.com",
            "https://api.example.com@evil.example/api/messaging/jobs",
            "https://api.example.com\\@evil.example/api/messaging/jobs",
            "//evil.example/api/messaging/jobs",
            "/api/messaging/sessions",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!is_same_resource(other, URL), "{other}");
        }
        assert!(is_same_resource("https://a.b", "https://a.b/"));
    }

    #[test]
    fn the_names_of_this_machine_are_one_host_on_the_same_port() {
        let hosts = ["http://localhost:3000/x", "http://127.0.0.1:3000/x", "http://[::1]:3000/x", "http://LOCALHOST:3000/x?y"];
        for one in hosts {
            for two in hosts {
                assert!(is_same_resource(one, two), "{one} {two}");
            }
        }
        for other in [
            "http://localhost:3001/x",
            "https://localhost:3000/x",
            "http://localhost:3000/y",
            "http://localhost/x",
            "http://127.0.0.2:3000/x",
            "http://localhost.evil.example:3000/x",
            "http://[::2]:3000/x",
        ] {
            assert!(!is_same_resource(other, "http://127.0.0.1:3000/x"), "{other}");
        }
        assert!(is_same_resource("http://localhost/x", "http://[::1]:80/x"));
    }

    #[test]
    fn only_encryption_or_this_machine_keeps_a_proof_from_others() {
        for url in [
            "https://a.b/x",
            "http://localhost/x",
            "http://localhost:3000/x",
            "http://a.localhost/x",
            "HTTP://127.0.0.1:3000/x",
            "http://127.9.9.9/x",
            "http://[::1]:3000/x",
            "http://[::1]/x",
        ] {
            assert!(is_unreadable_to_others(url), "{url}");
        }
        for url in [
            "http://a.b/x",
            "http://127.0.0.1.evil.example/x",
            "http://localhost.evil.example/x",
            "http://10.0.0.1/x",
            "http://[::2]/x",
            "ftp://localhost.x/x",
            "http://notlocalhost/x",
            "http://localhost:80@evil.example/x",
            "x",
        ] {
            assert!(!is_unreadable_to_others(url), "{url}");
        }
    }

    #[test]
    fn a_resource_becomes_a_url_that_an_option_can_name() {
        assert_eq!(as_url("https://x.y/z?a", URL).as_deref(), Some("https://x.y/z?a"));
        assert_eq!(as_url("/z", URL).as_deref(), Some("https://api.example.com/z"));
        for none in ["", "javascript:alert(1)", "//x.y/z", "http://", "x"] {
            assert_eq!(as_url(none, URL), None, "{none}");
        }
    }
}
