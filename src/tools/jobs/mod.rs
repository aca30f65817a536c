//! Work that outlives its call: what runs on a host, what it says, and its end.

mod answer;
mod forget;
mod list;
mod read;
mod stop;

pub(crate) use answer::{ExecOrJob, run_or_job};

super::group![list::JobList, read::JobRead, stop::JobStop, forget::JobForget];
