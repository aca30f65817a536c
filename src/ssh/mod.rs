//! The only place that starts `ssh`: masters, session channels, scripts on them, and the sftp subsystem.
//!
//! It accepts targets and scripts; what may be run is decided above it.

pub(crate) mod account;
pub(crate) mod apart;
pub(crate) mod capabilities;
pub(crate) mod capture;
pub(crate) mod channel;
pub(crate) mod connect;
pub(crate) mod cut;
pub(crate) mod feed;
pub(crate) mod greeting;
pub(crate) mod known_hosts;
pub(crate) mod login_environment;
pub(crate) mod pool;
pub(crate) mod queue;
pub(crate) mod sftp;
pub(crate) mod sftp_names;
pub(crate) mod slots;
pub(crate) mod wrapper;
