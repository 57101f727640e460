//! Ranges of network addresses, as whoever runs a server writes them.

use std::net::IpAddr;

/// All addresses that begin with the same bits, as CIDR writes it: `10.0.0.0/8`; an address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    bits: u32,
}

impl AddressRange {
    /// The range of a text; `None` where it is none, or its address has bits behind those that count.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let first = address.parse::<IpAddr>().ok()?;
        let most = width(first);
        let bits = match bits {
            // Rust also reads `+8`.
            Some(bits) => bits.parse::<u32>().ok().filter(|number| *number <= most && number.to_string() == bits)?,
            None => most,
        };
        let range = Self { first, bits };
        (range.head(first) == number(first)).then_some(range)
    }

    /// Whether an address lies in it; one of IPv4 that is written as one of IPv6 is taken for what it is.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.first) && self.head(address) == number(self.first)
    }

    /// An address with all bits behind those that count as zero.
    fn head(&self, address: IpAddr) -> u128 {
        let behind = width(address) - self.bits;
        number(address).checked_shr(behind).and_then(|head| head.checked_shl(behind)).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given ranges and addresses at their borders, then those inside are held and the next ones are not.
    #[test]
    fn ranges_end_where_they_should() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("127.0.0.1", ["127.0.0.1", "::ffff:127.0.0.1"], ["127.0.0.2", "::1"]),
            ("192.168.4.0/23", ["192.168.4.0", "192.168.5.255"], ["192.168.3.255", "192.168.6.0"]),
            ("fd00::/8", ["fd00::1", "fdff::"], ["fe00::", "10.0.0.1"]),
        ] {
            let range = AddressRange::parse(range).unwrap();
            assert!(inside.iter().all(|address| range.holds(address.parse().unwrap())), "{range:?}");
            assert!(outside.iter().all(|address| !range.holds(address.parse().unwrap())), "{range:?}");
        }
        let all = AddressRange::parse("0.0.0.0/0").unwrap();
        assert!(all.holds("255.1.2.3".parse().unwrap()) && !all.holds("::1".parse().unwrap()));
        assert!(AddressRange::parse("::/0").unwrap().holds("ffff::".parse().unwrap()));
    }

    /// Given what is no range, or one whose address does not begin it, then it is none.
    #[test]
    fn what_is_no_range_is_none() {
        for text in ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "proxy", "::1/129"] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }
}
