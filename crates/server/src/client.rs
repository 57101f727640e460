//! Where a request came from: the other end of its connection, or, where that is a proxy that the project trusts, what
//! the proxy says. Tries are counted by it, and the audit log names it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{Extensions, HeaderMap};
use shoplake_core::network::AddressRange;

use crate::serve::Peer;

/// The header to which each proxy adds whom it was asked by.
const FORWARDED: &str = "x-forwarded-for";

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(IpAddr);

impl Client {
    /// Where a request with these headers came from, if `trusted` proxies say the truth and nobody else does.
    pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[AddressRange]) -> Self {
        Self(behind(Peer::address(extensions), headers, trusted))
    }

    /// The address, as the outermost layer has found it; that of the connection where none has.
    pub(crate) fn address(extensions: &Extensions) -> IpAddr {
        extensions.get::<Self>().map_or_else(|| Peer::address(extensions), |client| client.0)
    }
}

/// The last address on the way that is no trusted proxy. What stands before it in the header is whatever the client
/// wrote there.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[AddressRange]) -> IpAddr {
    let lines = headers.get_all(FORWARDED).iter().map(|line| line.to_str().unwrap_or_default());
    let mut way: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mut client = peer.to_canonical();
    while trusted.iter().any(|range| range.holds(client)) {
        // Behind what is no address nobody can look: then it was the proxy itself.
        let Some(before) = way.pop().and_then(address_of) else { break };
        client = before.to_canonical();
    }
    client
}

/// An address as proxies write it, with a port or without.
fn address_of(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn found(peer: &str, lines: &[&'static str], trusted: &[&str]) -> String {
        let lines = lines.iter().map(|line| (FORWARDED.parse().unwrap(), HeaderValue::from_static(line)));
        let headers: HeaderMap = lines.collect();
        let trusted: Vec<AddressRange> = trusted.iter().map(|range| AddressRange::parse(range).unwrap()).collect();
        behind(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    /// Given a header from whom nobody trusts, then it says nothing.
    #[test]
    fn who_is_not_trusted_says_nothing() {
        assert_eq!(found("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(found("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(found("10.0.0.7", &["198.51.100.1"], &[]), "10.0.0.7");
    }

    /// Given trusted proxies, then the last address before them counts, whatever the client wrote in front of it, and
    /// in however many lines.
    #[test]
    fn the_last_that_is_not_trusted_counts() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        let cases: [(&[&'static str], &str); 8] = [
            (&["198.51.100.1"], "198.51.100.1"),
            (&["127.0.0.1, 10.0.0.1, 198.51.100.1"], "198.51.100.1"),
            (&["192.0.2.1, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
            (&["192.0.2.1", "198.51.100.1:4711 , 10.1.2.3"], "198.51.100.1"),
            (&["192.0.2.1, [2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1], fd00::5"], "2001:db8::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["10.0.0.9"], "10.0.0.9"),
        ];
        for (lines, client) in cases {
            assert_eq!(found("10.0.0.7", lines, &trusted), client, "{lines:?}");
            assert_eq!(found("::ffff:10.0.0.7", lines, &trusted), client, "{lines:?}");
        }
    }

    /// Given what is no address in the place of the client's, then it is the proxy that is known to have asked.
    #[test]
    fn what_is_no_address_is_not_looked_behind() {
        for line in ["", "unknown", "198.51.100.1, _hidden", "198.51.100.1,", "198.51.100.1;"] {
            assert_eq!(found("10.0.0.7", &[line], &["10.0.0.7"]), "10.0.0.7", "{line}");
        }
        assert_eq!(found("10.0.0.7", &[], &["10.0.0.7"]), "10.0.0.7");
    }
}
