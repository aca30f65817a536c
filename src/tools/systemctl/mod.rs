//! systemd units and the journal.

mod journal;
pub(crate) mod list_units;
mod look;
mod states;
mod systemd;
mod verbs;

super::group![
    states::IsActive,
    states::IsEnabled,
    states::IsFailed,
    look::Status,
    look::Show,
    look::Cat,
    list_units::ListUnits,
    journal::Journalctl,
    verbs::Start,
    verbs::Stop,
    verbs::Restart,
    verbs::Reload,
    verbs::Enable,
    verbs::Disable,
    verbs::Mask,
    verbs::Unmask,
    verbs::ResetFailed,
];
