//! Why a run ended before the host ended it.

/// Why a run was cut short by this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The time limit.
    TimedOut,
    /// The client, or shutdown.
    Cancelled,
}
