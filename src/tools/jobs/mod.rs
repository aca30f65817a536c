//! Work that outlives its call: what runs on a host, what it says, and its end.

mod answer;
mod forget;
mod input;
mod list;
mod read;
mod stop;

pub(crate) use answer::{ExecOrJob, JobRef, job_ref, run_or_job};

super::group![list::JobList, read::JobRead, input::JobInput, stop::JobStop, forget::JobForget];
