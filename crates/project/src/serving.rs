//! The meaning of `server:` in `shoplake.yml`.

use shoplake_core::Fault;
use shoplake_core::network::AddressRange;

use crate::files::ServerFile;
use crate::yaml::Node;

/// The proxies that are trusted; what is no address is named in `faults`.
pub(crate) fn trusted_proxies(file: Option<&ServerFile>, node: &Node, faults: &mut Vec<Fault>) -> Vec<AddressRange> {
    let written = file.and_then(|file| file.trusted_proxies.as_deref()).unwrap_or_default();
    let mut ranges = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let Some(range) = AddressRange::parse(text.trim()) else {
            let fault = node.at(&format!("trusted_proxies/{index}"));
            let fault = fault.fault(format!("`{text}` is not an address or a range of addresses"));
            faults.push(fault.hint(
                "write the proxy's address as `10.0.0.7`, or a range by its first one: `10.0.0.0/8`, `fd00::/8`",
            ));
            continue;
        };
        ranges.push(range);
    }
    ranges
}
