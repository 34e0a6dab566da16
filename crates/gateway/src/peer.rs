use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::uri::Authority;
use http::{HeaderValue, Uri, header};

/// Says whether a request comes from a program on this machine.
///
/// A page that a browser here shows is not one, wherever the browser runs: any site could have it call. Browsers name
/// the page's origin in every call that could do harm, except where they take it for a page reading its own site. Then
/// the host that was asked for is the site's name, which its owner has led to this machine. A site that is allowed by
/// its name is the owner's own; `*` names none.
pub(crate) fn is_local(request: &Request, allowed: &[String]) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let here = peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip()));
    let own_page = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| {
            is_own_page(origin) || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
        })
    };
    here && is_asked_by_address(request) && request.headers().get(header::ORIGIN).is_none_or(own_page)
}

/// Says whether a request is for an address or `localhost`, which nobody can lead elsewhere.
fn is_asked_by_address(request: &Request) -> bool {
    let Some(host) = request.headers().get(header::HOST) else {
        return request.uri().host().is_none_or(|host| address(host).is_ok());
    };
    Authority::try_from(host.as_bytes()).is_ok_and(|host| address(host.host()).is_ok())
}

fn is_own_page(origin: &str) -> bool {
    let Some((scheme, _)) = origin.split_once("://") else { return false };
    // Programs that are built of pages have schemes of their own.
    if !["http", "https"].contains(&scheme) {
        return true;
    }
    let uri = origin.parse::<Uri>().ok();
    uri.as_ref().and_then(Uri::host).is_some_and(|host| address(host).is_ok_and(is_loopback))
}

/// Reads the address that a host is written as.
fn address(host: &str) -> Result<IpAddr, AddrParseError> {
    match host {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        host => host.trim_start_matches('[').trim_end_matches(']').parse(),
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
