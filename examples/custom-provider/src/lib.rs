//! A provider of one's own, registered from outside the project.
