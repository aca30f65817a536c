//! The upper shelf: how a front end reaches the tools, and the one way that a call takes. No tool knows it.

pub(crate) mod answer;
pub(crate) mod backend;
mod completion;
mod inner_calls;
mod masked_arguments;
pub(crate) mod pipeline;
pub(crate) mod tool_backend;

pub use crate::toolkit::state::server_state::Parts;
pub use tool_backend::ToolBackend;
