//! The lower shelf: what lives longer than a call. Nothing here knows tools, hosts of a call, or how a call is carried out.

pub(crate) mod compose_cache;
pub(crate) mod engine_kinds;
pub(crate) mod host_paths;
pub(crate) mod kept_outputs;
pub(crate) mod known_jobs;
pub(crate) mod masked_values;
pub(crate) mod project_values;
pub(crate) mod remembered_names;
pub(crate) mod server_state;
pub(crate) mod shell_sessions;
pub(crate) mod snapshot;
pub(crate) mod turn_locks;

pub(crate) use server_state::{Reloaded, ServerState};
