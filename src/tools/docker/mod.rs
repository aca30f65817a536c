//! Containers, images, volumes and compose projects, through the engine's own client.

mod client;
mod compose;
mod container_verbs;
mod cp;
mod exec;
mod failures;
mod inner;
mod inspect;
mod lists;
mod logs;
mod mounting;
pub(crate) mod rows;
mod run;
mod secrets;
mod top;

super::group![
    lists::Ps,
    lists::ImagesTool,
    inspect::Inspect,
    logs::Logs,
    lists::Stats,
    top::Top,
    lists::EventsTool,
    lists::VolumesTool,
    lists::SystemDf,
    exec::Exec,
    run::Run,
    container_verbs::Start,
    container_verbs::Stop,
    container_verbs::Restart,
    container_verbs::Remove,
    container_verbs::RemoveImage,
    container_verbs::Pull,
    container_verbs::Prune,
    cp::Cp,
    compose::Ps,
    compose::Logs,
    compose::Up,
    compose::Down,
    compose::Pull,
    compose::Start,
    compose::Stop,
    compose::Restart,
];
