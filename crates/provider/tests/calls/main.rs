//! Providers as registered, before a transport that records what they send.

#![cfg(test)]

mod answers;
mod endpoints;
mod forms_of_answers;
mod keys;
mod models;
mod streams;
mod thinking;
mod wire;
