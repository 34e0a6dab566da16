use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::{Uri, header};

/// Says whether a request comes from a program on this machine.
///
/// A page that a browser here shows is not one, wherever the browser runs: any site could have it call. Browsers name
/// the page's origin in every call that could do harm.
pub(crate) fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let here = peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip()));
    here && request.headers().get(header::ORIGIN).is_none_or(|origin| origin.to_str().is_ok_and(is_own_page))
}

fn is_own_page(origin: &str) -> bool {
    let Some((scheme, _)) = origin.split_once("://") else { return false };
    // Programs that are built of pages have schemes of their own.
    if !["http", "https"].contains(&scheme) {
        return true;
    }
    let uri = origin.parse::<Uri>().ok();
    uri.as_ref().and_then(Uri::host).is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or(host == "localhost", is_loopback)
    })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
