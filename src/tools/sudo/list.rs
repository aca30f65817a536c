//! `ssh_sudo_sftp_list`.

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{ListReply, Page, page};

/// Lists a folder as root.
#[derive(Debug)]
pub(super) struct SudoSftpList;

impl Tool for SudoSftpList {
    type Args = Page;
    type Reply = ListReply;
    const SPEC: Spec = Spec::sudo("ssh_sudo_sftp_list", Group::Sudo, "List a directory as root with paging")
        .looks_only()
        .found_as("List a folder as root", "sudo ls directory permission denied");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Page) -> Result<ListReply, ToolError> {
        let actor = Account::root(call, call.host(&args.host)?).await?;
        page(&actor, &args).await
    }
}
