//! The only place that starts `ssh`: masters, the channels over them, and the host keys they rest on.

pub mod connect;
pub mod known_hosts;
