//! Content on its way to a file: small in memory, large as a stream.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use crate::toolkit::{Call, Input, Pace, Sent, stream};
use crate::tools::sftp_read::inline_cap;

/// Largest local file that is read into memory, in bytes, and sent in one write with the script.
const IN_ONE: u64 = 1 << 20;

/// Most bytes that are held in memory for a server of files that takes no stream.
pub(super) const WHOLE: u64 = 256 << 20;

/// Content on its way to a file.
#[derive(Clone)]
pub(in crate::tools) struct Payload {
    /// The bytes.
    pub(super) input: Input,
    /// Bytes of the content, without what else the input carries.
    pub(super) len: u64,
    /// How its digest is known.
    pub(super) digest: Digest,
    /// The local file they came from.
    pub(super) local: Option<String>,
}

/// How the digest of some content is known.
#[derive(Clone)]
pub(super) enum Digest {
    /// Beforehand: the host compares.
    Known(String),
    /// It follows the content as a line, and the host compares.
    Follows(Arc<Mutex<Option<String>>>),
    /// When all of it was read. The host compares the length; the connection itself keeps bytes from being changed.
    WhenSent(Arc<Mutex<Sent>>),
}

impl Digest {
    /// The argument of the script.
    pub(super) fn word(&self) -> &str {
        match self {
            Digest::Known(digest) => digest,
            Digest::Follows(_) => "-",
            Digest::WhenSent(_) => "none",
        }
    }

    /// The digest, after the content was sent.
    pub(super) fn value(&self) -> Option<String> {
        match self {
            Digest::Known(digest) => Some(digest.clone()),
            Digest::Follows(digest) => digest.lock_always().clone(),
            Digest::WhenSent(sent) => sent.lock_always().sha256.clone(),
        }
    }

    /// Why the local side could not be read.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Digest::WhenSent(sent) => sent.lock_always().fault.clone(),
            Digest::Known(_) | Digest::Follows(_) => None,
        }
    }
}

/// The digest of some content, as `sha256sum` writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn too_large(size: u64, cap: u64) -> ToolError {
    ToolError::new(
        ErrorName::WriteError,
        format!("The content has {size} bytes; at most {cap} are accepted. Nothing was sent."),
        "Larger files go by local_path, where the operator allows it.",
    )
}

impl Payload {
    /// Content in memory.
    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        let (len, digest) = (bytes.len() as u64, Digest::Known(sha256(&bytes)));
        Payload { input: Input::Bytes(bytes.into()), len, digest, local: None }
    }

    /// The one of the three sources that was given.
    pub(in crate::tools) fn of(
        call: &Call,
        text: Option<String>,
        base64: Option<&str>,
        local: Option<&str>,
    ) -> Result<Self, ToolError> {
        let cap = inline_cap(call);
        let bytes: Vec<u8> = match (text, base64, local) {
            (Some(text), None, None) => text.into_bytes(),
            (None, Some(coded), None) => STANDARD
                .decode(coded.trim())
                .map_err(|e| ToolError::value(format!("Argument `content_base64`: {e}."), "Give strict base64."))?,
            (None, None, Some(local)) => return Self::local(call, local),
            _ => {
                return Err(ToolError::new(
                    ErrorName::WriteError,
                    "Exactly one of `content_text`, `content_base64` and `local_path` is wanted.",
                    "Give one of them; an empty `content_text` makes an empty file.",
                ));
            }
        };
        if bytes.len() as u64 > cap {
            return Err(too_large(bytes.len() as u64, cap));
        }
        Ok(Self::bytes(bytes))
    }

    /// All of it in memory, for servers of files that take no stream.
    pub(super) async fn whole(&self) -> Result<Arc<[u8]>, ToolError> {
        let stream = match &self.input {
            Input::Bytes(bytes) | Input::Text(bytes) => return Ok(bytes.clone()),
            Input::Stream(stream) => stream,
        };
        if self.len > WHOLE {
            return Err(too_large(self.len, WHOLE));
        }
        let mut bytes = Vec::new();
        let pieces = (stream.open)();
        if let Some(mut pieces) = pieces {
            while let Some(piece) = pieces.recv().await {
                bytes.extend_from_slice(&piece);
            }
        }
        if bytes.len() as u64 != stream.len {
            let why = self.digest.fault().unwrap_or_else(|| "it did not come whole".to_owned());
            return Err(ToolError::new(
                ErrorName::LocalPathPolicyError,
                format!("The content could not be read to its end: {why}. Nothing was sent."),
                "Look at the local file.",
            ));
        }
        Ok(bytes.into())
    }

    fn local(call: &Call, local: &str) -> Result<Self, ToolError> {
        let cap = call.settings().ssh_local_transfer_max_bytes;
        let place = call.local_path(local)?;
        let (file, size) = place.read()?;
        if size > cap {
            return Err(ToolError::new(
                ErrorName::WriteError,
                format!("`{local}` has {size} bytes, and SSH_LOCAL_TRANSFER_MAX_BYTES allows {cap}. Nothing was sent."),
                "The operator may raise it.",
            ));
        }
        let shown = Some(place.path().display().to_string());
        if size <= IN_ONE {
            let mut bytes = Vec::new();
            file.take(IN_ONE).read_to_end(&mut bytes).map_err(|e| {
                ToolError::new(
                    ErrorName::LocalPathPolicyError,
                    format!("`{local}` cannot be read: {e}."),
                    "Look at the local file.",
                )
            })?;
            return Ok(Payload { local: shown, ..Self::bytes(bytes) });
        }
        let pace = Pace::new(call, "uploading");
        let (streamed, sent) = stream(file, size, Arc::new(move |done| pace.at(done, Some(size))));
        Ok(Payload { input: Input::Stream(streamed), len: size, digest: Digest::WhenSent(sent), local: shown })
    }
}
