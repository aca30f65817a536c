//! Facts about hosts, their reachability, their notes and the server itself.

mod alerts;
mod batch;
mod disk_usage;
mod guide;
mod info;
mod known_hosts_verify;
mod list;
mod network;
mod notes;
pub(crate) mod notes_folder;
mod output_read;
mod ping;
mod processes;
mod reload;
mod sections;
mod server_info;
pub(in crate::tools) mod services;
mod user_info;

super::group![
    ping::HostPing,
    info::HostInfo,
    disk_usage::DiskUsage,
    processes::Processes,
    network::Network,
    alerts::HostAlerts,
    user_info::UserInfo,
    known_hosts_verify::KnownHostsVerify,
    list::HostList,
    notes::Read,
    notes::Append,
    notes::Set,
    reload::Reload,
    server_info::ServerInfo,
    output_read::OutputRead,
    batch::Batch,
    guide::ReadGuide,
];
