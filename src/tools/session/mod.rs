//! Pooled connections.

mod list;

super::group![list::SessionList];
