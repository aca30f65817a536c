//! The only place that starts `ssh`: masters, session channels, scripts on them, and the sftp subsystem.
//!
//! It accepts targets and scripts; what may be run is decided above it.

pub mod account;
pub mod apart;
pub mod capabilities;
pub mod capture;
pub mod channel;
pub mod connect;
pub mod feed;
pub mod greeting;
pub mod known_hosts;
pub mod login_environment;
pub mod pool;
pub mod queue;
pub mod sftp;
pub mod sftp_names;
pub mod slots;
pub mod wrapper;
