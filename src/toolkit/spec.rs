//! What a tool says of itself, once; lists, hints, gates, audit and documents all come from here.

use crate::model::tier::{Group, Tier};

/// What calling a tool does to the world beyond the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Looks only.
    Observes,
    /// Changes something in a way that can be taken back or is meant to be repeated.
    Changes,
    /// May lose or overwrite something, or run anything.
    Destroys,
}

/// A tool's declaration.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The stable name.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// How much it may change.
    pub tier: Tier,
    /// The family it is shown with.
    pub group: Group,
    /// What calling it does.
    pub effect: Effect,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It answers from this process's memory or files alone.
    pub local: bool,
}

impl Spec {
    /// A tool that only observes a host.
    pub const fn read(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec { name, summary, tier: Tier::Read, group, effect: Effect::Observes, idempotent: true, local: false }
    }

    /// A low-access tool: changes, but destroys nothing.
    pub const fn low_access(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec { name, summary, tier: Tier::LowAccess, group, effect: Effect::Changes, idempotent: false, local: false }
    }

    /// A dangerous tool.
    pub const fn dangerous(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec { name, summary, tier: Tier::Dangerous, group, effect: Effect::Destroys, idempotent: false, local: false }
    }

    /// A tool that acts as root.
    pub const fn sudo(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec { name, summary, tier: Tier::Sudo, group, effect: Effect::Destroys, idempotent: false, local: false }
    }

    /// Marks a low-access tool that may lose something.
    #[must_use]
    pub const fn destroys(mut self) -> Self {
        self.effect = Effect::Destroys;
        self
    }

    /// Marks a tool whose second call with the same arguments changes nothing more.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Marks a tool that asks no host.
    #[must_use]
    pub const fn local(mut self) -> Self {
        self.local = true;
        self
    }

    /// True where a call observes only, so that it may be repeated after a lost connection.
    pub const fn observes(&self) -> bool {
        matches!(self.effect, Effect::Observes)
    }
}
