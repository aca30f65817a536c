//! The docker tools through the real binary: against a recorder in the place of docker.

mod recorder;
mod session;
