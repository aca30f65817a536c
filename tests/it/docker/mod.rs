//! The docker tools through the real binary: against a recorder in the place of docker, and against a real engine.

mod exchanged;
mod live;
mod mounts;
mod podman;
mod projects;
mod recorder;
mod session;
mod surroundings;
