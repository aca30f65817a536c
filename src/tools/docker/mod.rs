//! Containers, images, volumes and compose projects, through the engine's own client.

mod client;
mod compose;
mod cp;
mod exec;
mod failures;
mod inner;
mod inspect;
mod life;
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
    life::Start,
    life::Stop,
    life::Restart,
    life::Remove,
    life::RemoveImage,
    life::Pull,
    life::Prune,
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
