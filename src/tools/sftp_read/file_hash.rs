//! `ssh_file_hash`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::digest::DynDigest;

use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::tier::Group;
use crate::toolkit::{Access, Account, Call, Last, PathArg, Script, SftpName, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const HASH: Script = Script::new(concat!(include_str!("open.sh"), include_str!("hash.sh")));

/// Digest of a file.
#[derive(Debug)]
pub(super) struct FileHash;

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Md5,
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Its name, and the length of its digest in hexadecimal digits.
    const fn facts(self) -> (&'static str, usize) {
        match self {
            Algorithm::Md5 => ("md5", 32),
            Algorithm::Sha1 => ("sha1", 40),
            Algorithm::Sha256 => ("sha256", 64),
            Algorithm::Sha512 => ("sha512", 128),
        }
    }
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// digest
    #[serde(default)]
    algorithm: Algorithm,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
}

/// The digest.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    path: String,
    algorithm: String,
    digest: String,
    size: u64,
    output_warnings: Vec<String>,
}

impl Tool for FileHash {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_file_hash", Group::SftpRead, "Digest of a remote file")
        .found_as("File digest", "sha256 md5 checksum verify compare");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        script_or_sftp!(actor, by_script(&actor, &args), over_sftp(&actor, &args))
    }
}

/// Reads the file and makes the digest here.
async fn over_sftp<P: SftpName>(actor: &Account, args: &Args) -> Result<Reply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&PathArg::new(&args.path, Access::Read, Last::Follow)).await?;
        let doing = format!("Reading `{}`", path.shown());
        let failed = |why| actor.sftp_error(ErrorName::HashError, &doing, &why);
        let mut reader = files.open(&path, 0).await.map_err(failed)?;
        let mut digest: Box<dyn DynDigest + Send> = match args.algorithm {
            Algorithm::Md5 => Box::new(md5::Md5::default()),
            Algorithm::Sha1 => Box::new(sha1::Sha1::default()),
            Algorithm::Sha256 => Box::new(sha2::Sha256::default()),
            Algorithm::Sha512 => Box::new(sha2::Sha512::default()),
        };
        let mut size = 0;
        loop {
            let block = reader.read(u64::MAX).await.map_err(failed)?;
            if block.is_empty() {
                break;
            }
            size += block.len() as u64;
            digest.update(&block);
        }
        Ok(Reply {
            host: actor.host.alias().to_owned(),
            path: path.shown(),
            algorithm: args.algorithm.facts().0.to_owned(),
            digest: hex(&digest.finalize()),
            size,
            output_warnings: Vec::new(),
        })
    };
    files.within(actor.host.limit(args.timeout)?, work).await
}

async fn by_script(actor: &Account, args: &Args) -> Result<Reply, ToolError> {
    let limit = actor.host.limit(args.timeout)?;
    let (algorithm, digits) = args.algorithm.facts();
    let path = PathArg::new(&args.path, Access::Read, Last::Follow);
    let done = actor.on_paths(&[path]).words(&[algorithm]).shaped(|job| job.timeout(Some(limit))).run(&HASH).await?;
    let path = done.path();
    let next = "The login account must be able to read the file, and the host needs a digest program.";
    let what = format!("The {algorithm} digest of `{path}`");
    let output = done.output.success(ErrorName::HashError, &what, next)?;
    let text = output.stdout_text();
    let (size, digest) = text.trim().split_once(' ').unwrap_or_default();
    if digest.len() != digits || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ToolError::new(ErrorName::HashError, format!("{what}: the host answered {text:?}."), next));
    }
    Ok(Reply {
        host: actor.host.alias().to_owned(),
        path,
        algorithm: algorithm.to_owned(),
        digest: digest.to_ascii_lowercase(),
        size: size.parse().unwrap_or_default(),
        output_warnings: Vec::new(),
    })
}
