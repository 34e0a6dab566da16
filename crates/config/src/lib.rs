//! Configuration from files, environment and arguments to one resolved value.
