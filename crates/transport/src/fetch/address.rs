use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tollbridge_core::{Error, ErrorKind};

/// Networks that are reached although they are not public, such as `10.1.0.0/16`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

impl Networks {
    /// Adds a network, written as an address and the length of its prefix.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no network.
    pub fn add(&mut self, text: &str) -> Result<(), Error> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address = IpAddr::from_str(address.trim()).ok();
        let whole = address.map_or(0, |address| if address.is_ipv4() { 32 } else { 128 });
        let prefix = if prefix.is_empty() { Some(whole) } else { prefix.trim().parse().ok() };
        match (address, prefix) {
            (Some(address), Some(prefix)) if prefix <= whole => {
                self.0.push((address, prefix));
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Config, format!("`{text}` is no network"))
                .with_hint("write it as an address and a prefix, such as 10.1.0.0/16")),
        }
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, prefix)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_start(u32::from(*network).into(), u32::from(address).into(), *prefix, 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => same_start((*network).into(), address.into(), *prefix, 128),
            _ => false,
        })
    }

    /// Says whether an address may be reached: it is public, or in one of the networks and no part of the machinery
    /// around this machine, such as a cloud's metadata.
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = plain(address);
        is_public(address) || !is_never(address) && self.contain(address)
    }
}

fn same_start(network: u128, address: u128, prefix: u8, width: u8) -> bool {
    let rest = u32::from(width.saturating_sub(prefix));
    network.checked_shr(rest).unwrap_or(0) == address.checked_shr(rest).unwrap_or(0)
}

/// Returns the IPv4 address that an IPv6 address stands for, in whichever way it is written into it.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = v6.segments();
    let low = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (first, second, third, fourth, fifth, sixth) {
        // Mapped, translated, and the old compatible form of anything but `::` and `::1`.
        (0, 0, 0, 0, 0, 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, 0, 0, 0, 0) => low(seventh, eighth),
        (0, 0, 0, 0, 0, 0) if seventh != 0 => low(seventh, eighth),
        // 6to4.
        (0x2002, high, rest, ..) => low(high, rest),
        _ => address,
    }
}

/// Says whether an address belongs to the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let relay = a == 192 && b == 88 && c == 99;
    let benchmark = a == 198 && (b == 18 || b == 19);
    let reserved = a == 0 || a >= 240;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || address.is_broadcast()
        || shared
        || protocol
        || relay
        || benchmark
        || reserved
        || address == AZURE)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only what is assigned to the internet, and of it not what is for examples, tunnels or tests.
    let global = first & 0xe000 == 0x2000;
    let special = first == 0x2001 && (second < 0x200 || second == 0xdb8);
    let documentation = first == 0x3fff && second < 0x1000;
    global && !special && !documentation
}

/// Where Azure's machines ask for what they are, which is a public address and reached from each of them.
const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Says whether an address is reached in no network that the configuration allows.
fn is_never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let metadata = [[169, 254], [100, 100]].iter().any(|start| v4.octets().starts_with(start));
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || metadata
                || v4 == AZURE
        }
        IpAddr::V6(v6) => {
            let metadata = v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            v6.is_multicast() || v6.is_unspecified() || v6.is_unicast_link_local() || metadata
        }
    }
}
