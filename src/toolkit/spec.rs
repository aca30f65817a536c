//! What a tool says of itself, once; lists, hints, gates, audit and documents all come from here.

use super::state::turn_locks::Side;
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
    /// What a person calls it, in a menu.
    pub title: &'static str,
    /// Words that people use for it and that neither its name nor its summary holds.
    pub search_words: &'static str,
    /// Worth showing where a client shows only a few tools at once.
    pub always_loaded: bool,
    /// The caller chooses how much it answers.
    pub large_answers: bool,
    /// What brings the rest of an answer that was too long, for the middle of a sentence.
    pub more: &'static str,
    /// It may put another object under a name of the host, such as a link.
    pub exchanges_names: bool,
    /// The turn that its calls get before they run; one without it takes its own.
    pub turn: Option<Side>,
}

impl Spec {
    const fn new(name: &'static str, tier: Tier, group: Group, effect: Effect, summary: &'static str) -> Self {
        Spec {
            name,
            summary,
            tier,
            group,
            effect,
            idempotent: matches!(effect, Effect::Observes),
            local: false,
            title: "",
            search_words: "",
            always_loaded: false,
            large_answers: false,
            more: "a narrower question brings the rest",
            exchanges_names: false,
            turn: None,
        }
    }

    /// A tool that only observes a host.
    pub const fn read(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec::new(name, Tier::Read, group, Effect::Observes, summary)
    }

    /// A low-access tool: changes, but destroys nothing.
    pub const fn low_access(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec::new(name, Tier::LowAccess, group, Effect::Changes, summary)
    }

    /// A dangerous tool.
    pub const fn dangerous(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec::new(name, Tier::Dangerous, group, Effect::Destroys, summary)
    }

    /// A tool that acts as root.
    pub const fn sudo(name: &'static str, group: Group, summary: &'static str) -> Self {
        Spec::new(name, Tier::Sudo, group, Effect::Destroys, summary)
    }

    /// Marks a tool of a higher tier that looks and changes nothing.
    #[must_use]
    pub const fn looks_only(mut self) -> Self {
        self.effect = Effect::Observes;
        self.idempotent = true;
        self
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

    /// Gives it a title for menus, and the words by which a search finds it.
    #[must_use]
    pub const fn found_as(mut self, title: &'static str, search_words: &'static str) -> Self {
        self.title = title;
        self.search_words = search_words;
        self
    }

    /// Marks one of the few tools that a client keeps at hand when it loads the others on demand.
    #[must_use]
    pub const fn always_loaded(mut self) -> Self {
        self.always_loaded = true;
        self
    }

    /// Marks a tool whose caller chooses how much it answers.
    #[must_use]
    pub const fn large_answers(mut self) -> Self {
        self.large_answers = true;
        self
    }

    /// Says what brings the rest of an answer that was too long: the argument by its name.
    #[must_use]
    pub const fn more(mut self, more: &'static str) -> Self {
        self.more = more;
        self
    }

    /// Marks a tool that may put another object under a name of the host: a link, a folder, or nothing. Its calls wait for
    /// those whose names something else opens after they were judged; see [`super::turns`].
    #[must_use]
    pub const fn exchanges_names(mut self) -> Self {
        self.exchanges_names = true;
        self.turn = Some(Side::Names);
        self
    }

    /// The same for one that carries folders elsewhere: it looks at all that is in them first, so nobody else may put
    /// something there meanwhile.
    #[must_use]
    pub const fn carries_folders(mut self) -> Self {
        self.exchanges_names = true;
        self.turn = Some(Side::Alone);
        self
    }

    /// The same for one that takes its turn by itself, once it knows what it is about.
    #[must_use]
    pub const fn takes_its_turn(mut self) -> Self {
        self.exchanges_names = true;
        self
    }

    /// True for a tool that answers what programs print, in which secrets are masked that a redacting reader has seen. What
    /// reads or changes files answers their own content.
    pub(crate) fn prints(&self) -> bool {
        match self.group {
            Group::Exec | Group::Shell | Group::Docker | Group::Systemctl | Group::Pkg | Group::Jobs => true,
            Group::Sudo => matches!(self.name, "ssh_sudo_exec" | "ssh_sudo_run_script"),
            // What was kept of such an answer may hold a value that became known since; and words of processes do.
            Group::Host => matches!(self.name, "ssh_output_read" | "ssh_host_processes"),
            Group::Session | Group::SftpRead | Group::FileOps | Group::Keys => false,
        }
    }

    /// True where a call observes only, so that it may be repeated after a lost connection.
    pub const fn observes(&self) -> bool {
        matches!(self.effect, Effect::Observes)
    }
}
