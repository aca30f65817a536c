//! systemd units and the journal.

mod inspect;
mod journal;
pub(crate) mod list_units;
mod states;
mod systemd;
mod verbs;

super::group![
    states::IsActive,
    states::IsEnabled,
    states::IsFailed,
    inspect::Status,
    inspect::Show,
    inspect::Cat,
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
