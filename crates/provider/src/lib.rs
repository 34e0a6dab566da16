//! What every HTTP provider shares: endpoints, keys, and the path of one call.
