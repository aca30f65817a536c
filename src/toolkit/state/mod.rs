//! The lower shelf: what lives longer than a call. Nothing here knows tools, hosts of a call, or how a call is carried out.

pub mod compose_cache;
pub mod host_paths;
pub mod kept_outputs;
pub mod project_values;
pub mod remembered_names;
pub mod server_state;
pub mod shell_sessions;
pub mod snapshot;
pub mod turn_locks;

pub use server_state::{Reloaded, ServerState};
