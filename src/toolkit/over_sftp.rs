//! Files of a host over SFTP, where no script can run: Windows hosts, and accounts that may only transfer files.
//!
//! A name is judged as text and then under the canonical name that the server gives it, and a file is looked at again
//! once it is open. A script on the host works inside a folder that it holds; SFTP takes names only, so another account
//! that exchanges a folder between two requests is not kept out. SECURITY.md says so, and so do the answers.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::call::cancelled;
use super::host::Host;
use super::paths::{Last, PathArg, behind_link};
use super::state::host_paths::STATE;
use super::turns::{Side, Turn};
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name::{BYTE, carried, shown};
use crate::model::remote_path::RemotePath;
use crate::model::windows_path::WindowsPath;
use crate::policy::path::{self, AllowedPath, HostPath, OwnFolder, Platform, Real};
use crate::ssh::pool::RunFailure;
use crate::ssh::sftp::{Facts, Reader, Sftp, SftpFault};
use crate::ssh::sftp_names;

/// Longest wait for the server's greeting.
const GREETING: Duration = Duration::from_secs(15);

/// How often the server is asked for where it ends before it greets.
const OPENING_TRIES: u32 = 4;

/// Most links on the way of one path, as in Linux.
const LINKS_MAX: usize = 40;

/// A name of one platform, as the server of the sftp subsystem reads and writes it.
pub trait SftpName: HostPath + PartialEq + Send + Sync + 'static {
    /// Reads an argument.
    fn argument(text: &str) -> Result<Self, ToolError>;
    /// Reads what the server answers.
    fn answered(text: &str) -> Result<Self, String>;
    /// The spelling for the server.
    fn for_server(&self) -> String;
    /// The folder that holds it.
    #[must_use]
    fn folder(&self) -> Self;
    /// The last component; empty for a root.
    fn name(&self) -> &str;
    /// The same as answers show it.
    fn name_shown(&self) -> String;
    /// The path of a name directly below it; `None` for what is not a name of one object.
    fn below(&self, name: &str) -> Option<Self>;
}

impl SftpName for RemotePath {
    fn argument(text: &str) -> Result<Self, ToolError> {
        let path = path::parse(text)?;
        // The protocol of the client crate carries text.
        if path.as_str().contains(BYTE) {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("`{path}` holds a name that is not UTF-8, which cannot be named over SFTP."),
                "Such names need a POSIX shell on the host.",
            ));
        }
        Ok(path)
    }
    fn answered(text: &str) -> Result<Self, String> {
        RemotePath::of_carried(text).map_err(|why| why.to_string())
    }
    fn for_server(&self) -> String {
        self.as_str().to_owned()
    }
    fn folder(&self) -> Self {
        RemotePath::folder(self)
    }
    fn name(&self) -> &str {
        self.leaf()
    }
    fn name_shown(&self) -> String {
        shown(self.leaf())
    }
    fn below(&self, name: &str) -> Option<Self> {
        let one = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        if one { self.join(name).ok() } else { None }
    }
}

impl SftpName for WindowsPath {
    fn argument(text: &str) -> Result<Self, ToolError> {
        path::parse_windows(text)
    }
    fn answered(text: &str) -> Result<Self, String> {
        WindowsPath::from_sftp(text).map_err(|why| why.to_string())
    }
    fn for_server(&self) -> String {
        self.to_sftp()
    }
    fn folder(&self) -> Self {
        self.parent()
    }
    fn name(&self) -> &str {
        self.leaf()
    }
    fn name_shown(&self) -> String {
        self.leaf().to_owned()
    }
    fn below(&self, name: &str) -> Option<Self> {
        self.join(name).ok()
    }
}

/// An open conversation with a host's SFTP server, for one call.
pub struct Files {
    host: Host,
    /// The server.
    pub server: Sftp,
    /// Names are judged and then named again, so no tool exchanges one meanwhile. Nothing where the call exchanges names
    /// itself: then it has its turn for that.
    turn: Option<Turn>,
    /// A request may still be under way.
    cut: AtomicBool,
}

impl Drop for Files {
    fn drop(&mut self) {
        let turn = self.turn.take();
        if !self.cut.load(Ordering::Relaxed) && !self.host.call().cancel().is_cancelled() {
            turn.into_iter().for_each(Turn::over);
        }
    }
}

/// A path that was judged under the name that the server gives it.
#[derive(Debug)]
pub struct Settled<P> {
    /// The permission.
    pub allowed: AllowedPath<P>,
    /// A link, or another spelling, led there.
    pub moved: bool,
}

impl<P: SftpName> Settled<P> {
    /// The path as answers show it.
    pub fn shown(&self) -> String {
        self.allowed.path().to_string()
    }

    /// The path as the server takes it.
    pub fn for_server(&self) -> String {
        self.allowed.path().for_server()
    }
}

impl Host {
    /// True where file tools have only SFTP: a Windows host, or an account whose login gave no shell.
    pub fn only_sftp(&self) -> bool {
        self.platform() == Platform::Windows || self.link().has_no_shell()
    }

    /// Opens the host's SFTP server, and says in the answer what that means on a host that could have a shell.
    pub async fn files(&self) -> Result<Files, ToolError> {
        let unavailable = |why: String| {
            ToolError::new(
                ErrorName::SFTPSubsystemUnavailable,
                format!("`{}` has no usable SFTP server: {why}. Nothing was done.", self.alias()),
                "File tools need a POSIX shell or the sftp subsystem on the host.",
            )
        };
        let opening = async {
            let mut tries = 0;
            loop {
                tries += 1;
                let channel =
                    self.link().sftp_channel(self.call().cancel()).await.map_err(|failure| match failure {
                        RunFailure::Lost { reason, .. } => unavailable(reason),
                        other => self.failure(other),
                    })?;
                match Sftp::begin(channel).await {
                    // Dropbear closes a channel that is opened while the process of another one ends. Nothing was
                    // asked of the server yet.
                    Err(SftpFault::Broken(_)) if tries < OPENING_TRIES => {
                        tokio::time::sleep(Duration::from_millis(20 << tries)).await;
                    }
                    begun => return begun.map_err(|fault| unavailable(fault.to_string())),
                }
            }
        };
        let server = tokio::select! {
            () = self.call().cancel().cancelled() => return Err(cancelled("nothing was done on the host")),
            opened = tokio::time::timeout(GREETING, opening) => {
                opened.map_err(|_| unavailable("it did not greet".to_owned()))??
            }
        };
        if self.platform() == Platform::Posix {
            self.call().warn("This account has no shell, so this went over SFTP, which cannot hold a folder still.");
        }
        let turn = match self.call().spec().turn {
            None => Some(self.turn(Side::Mounts).await?),
            Some(_) => None,
        };
        let files = Files { host: self.clone(), server, turn, cut: AtomicBool::new(false) };
        if self.platform() == Platform::Posix {
            tokio::time::timeout(GREETING, files.learn_names()).await.map_err(|_| {
                unavailable("it did not say in time where the entries of the path rules lead".to_owned())
            })?;
        }
        Ok(files)
    }
}

impl Host {
    /// The names of a folder as they are carried, of any bytes, over a channel of its own: where one that is not UTF-8 ended
    /// the other conversation. At most this many; true where there are more.
    pub async fn names_over_sftp(
        &self,
        folder: &str,
        most: usize,
        limit: Duration,
    ) -> Result<Result<(Vec<(String, Facts)>, bool), SftpFault>, ToolError> {
        let listing = async {
            let channel = self.link().sftp_channel(self.call().cancel()).await.map_err(|f| self.failure(f))?;
            Ok::<_, ToolError>(sftp_names::list(channel, folder, most).await)
        };
        let listed = tokio::select! {
            () = self.call().cancel().cancelled() => return Err(cancelled("nothing was changed on the host")),
            listed = tokio::time::timeout(limit, listing) => listed.map_err(|_| ToolError::new(
                ErrorName::Timeout,
                format!("The SFTP server of `{}` did not list a folder within {} s.", self.alias(), limit.as_secs()),
                "Call again, or name a folder below it.",
            ))??,
        };
        Ok(listed.map(|(names, more)| (names.into_iter().map(|(name, facts)| (carried(&name), facts)).collect(), more)))
    }
}

impl Files {
    /// Runs work on the server within a time limit and until the call is cancelled.
    pub async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, ToolError>>,
    ) -> Result<T, ToolError> {
        tokio::select! {
            () = self.host.call().cancel().cancelled() => {
                Err(cancelled("the request under way on the SFTP server may still be carried out"))
            }
            done = tokio::time::timeout(limit, work) => done.unwrap_or_else(|_| {
                self.cut.store(true, Ordering::Relaxed);
                Err(ToolError::new(
                    ErrorName::Timeout,
                    format!("The SFTP server of `{}` did not finish within {} s.", self.host.alias(), limit.as_secs()),
                    "Check the result on the host before you call again: the request under way may still be carried out.",
                ))
            }),
        }
    }

    /// Judges a path as text, and again under its canonical name.
    pub async fn settle<P: SftpName>(&self, arg: &PathArg<'_>) -> Result<Settled<P>, ToolError> {
        let journal = self.host.call().journal();
        journal.path(arg.text);
        let rules = &self.host.entry().paths;
        let typed = P::argument(arg.text).map_err(|e| arg.in_field(e))?;
        if P::PLATFORM == Platform::Posix {
            self.straight(arg).await?;
        }
        let judge = |path: &P| match arg.last {
            Last::Itself => rules.judge(path, arg.access),
            Last::Follow | Last::MayBeNew => rules.judge_followed(path, arg.access),
        };
        let listed = judge(&typed).map_err(|e| arg.in_field(e))?.redact_listed();
        let real = self.real(&typed, arg.last).await?;
        let moved = real != typed;
        if moved {
            journal.path_resolved(typed.to_string(), real.to_string());
        }
        let allowed = judge(&real).map_err(|e| arg.in_field(e))?.also_listed(listed);
        self.host.note_bypass(std::slice::from_ref(&allowed));
        Ok(Settled { allowed, moved })
    }

    /// Finds out where the entries of the rules lead, by name after name.
    async fn learn_names(&self) {
        let (mut reals, mut own) = (HashMap::new(), Vec::new());
        let rules = &self.host.entry().paths;
        for path in rules.asked() {
            if let Some(real) = self.walk(path).await {
                reals.insert(path.clone(), real);
            }
        }
        let home = self.server.canonical(".").await.ok().and_then(|home| RemotePath::parse(&home).ok());
        if let Some(state) = home.and_then(|home| home.join(STATE).ok())
            && let Some(real) = self.walk(&state).await
        {
            let there = self.server.own_facts(real.path.as_str()).await.is_ok();
            own.push(OwnFolder { path: real.path, there });
        }
        for told in rules.learn_names(&reals, &own) {
            self.host.call().warn(told);
        }
    }

    /// The real name of a path, as far as there is something, and the links on the way. `None` in a circle of links, and
    /// where the server fails.
    async fn walk(&self, path: &RemotePath) -> Option<Real> {
        let (mut done, mut through) = (Vec::<String>::new(), Vec::new());
        let mut rest: VecDeque<String> = path.as_str().split('/').map(str::to_owned).collect();
        // Nothing lies below what is missing, so nothing there is asked for.
        let (mut missing, mut closed) = (false, false);
        while let Some(name) = rest.pop_front() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(name),
            }
            let here = RemotePath::of_carried(&format!("/{}", done.join("/"))).ok()?;
            if missing || closed {
                continue;
            }
            match self.server.own_facts(here.as_str()).await {
                Ok(facts) if facts.is_link() => {
                    let target = self.server.target(here.as_str()).await.ok()?;
                    through.push(here);
                    if through.len() > LINKS_MAX {
                        return None;
                    }
                    done.pop();
                    if target.starts_with('/') {
                        done.clear();
                    }
                    for part in target.split('/').rev() {
                        rest.push_front(part.to_owned());
                    }
                }
                Ok(_) => {}
                Err(SftpFault::Missing) => missing = true,
                Err(SftpFault::Denied) => closed = true,
                Err(_) => return None,
            }
        }
        Some(Real { path: RemotePath::of_carried(&format!("/{}", done.join("/"))).ok()?, through, closed })
    }

    /// Refuses a `..` behind a link, where the text would mean another place than the server does.
    async fn straight(&self, arg: &PathArg<'_>) -> Result<(), ToolError> {
        for folder in arg.turns() {
            if self.walk(&folder).await.is_none_or(|real| real.path != folder) {
                return Err(arg.in_field(behind_link(&folder.to_string())));
            }
        }
        Ok(())
    }

    async fn real<P: SftpName>(&self, typed: &P, last: Last) -> Result<P, ToolError> {
        let text = typed.for_server();
        if last != Last::Itself || typed.name().is_empty() {
            match self.server.facts(&text).await {
                Ok(_) => return self.canonical(typed).await,
                Err(SftpFault::Missing) if last == Last::MayBeNew => {
                    if self.server.own_facts(&text).await.is_ok() {
                        return Err(absent(typed, "it is a link that leads nowhere"));
                    }
                }
                Err(fault) => return Err(absent(typed, &fault.to_string())),
            }
        }
        let folder = self.canonical(&typed.folder()).await?;
        folder.below(typed.name()).ok_or_else(|| absent(typed, "its name is not a name of a file"))
    }

    /// The server's own name of it. Where the server cannot tell, the text stands as it is.
    async fn canonical<P: SftpName>(&self, path: &P) -> Result<P, ToolError> {
        match self.server.canonical(&path.for_server()).await {
            Ok(text) => P::answered(&text).map_err(|why| absent(path, &format!("the server calls it {text:?}: {why}"))),
            Err(SftpFault::Unsupported) => Ok(path.clone()),
            Err(fault) => Err(absent(path, &fault.to_string())),
        }
    }

    /// Opens an approved file, and makes sure that its name still leads to it.
    pub async fn open<P: SftpName>(&self, path: &Settled<P>, offset: u64) -> Result<Reader, SftpFault> {
        let text = path.for_server();
        let reader = self.server.open(&text, offset).await?;
        match self.server.canonical(&text).await {
            Ok(now) if P::answered(&now).as_ref() != Ok(path.allowed.path()) => {
                Err(SftpFault::Failed("a link took its place while it was opened".to_owned()))
            }
            _ => Ok(reader),
        }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

fn absent<P: SftpName>(path: &P, why: &str) -> ToolError {
    ToolError::new(
        ErrorName::PathNotAllowed,
        format!("`{path}` cannot be used: {why}."),
        "Check the spelling with ssh_sftp_list on a folder above it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<P: SftpName>(text: &str) -> (String, String, String) {
        let path = P::argument(text).unwrap();
        assert_eq!(P::answered(&path.for_server()), Ok(path.clone()));
        (path.for_server(), path.folder().to_string(), path.name().to_owned())
    }

    #[test]
    fn names_of_both_platforms() {
        let windows = round_trip::<WindowsPath>("c:\\Users\\..\\Users\\a b\\x.txt");
        assert_eq!(windows, ("/C:/Users/a b/x.txt".into(), "C:\\Users\\a b".into(), "x.txt".into()));
        assert_eq!(round_trip::<WindowsPath>("\\\\srv\\share\\x").0, "//srv/share/x");
        assert_eq!(round_trip::<RemotePath>("/a/../b/c"), ("/b/c".into(), "/b".into(), "c".into()));
        assert_eq!(round_trip::<RemotePath>("/").2, "");
        for name in ["", ".", "..", "a/b"] {
            assert!(RemotePath::argument("/a").unwrap().below(name).is_none(), "{name}");
            assert!(WindowsPath::argument("C:\\a").unwrap().below(name).is_none(), "{name}");
        }
        for name in ["a\\b", "x:stream", "nul", "PROGRA~1", "dot."] {
            assert!(WindowsPath::argument("C:\\a").unwrap().below(name).is_none(), "{name}");
        }
    }
}
