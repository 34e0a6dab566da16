//! Mock upstreams that speak the vendors' own protocols, with scripted faults.
