//! `ssh_docker_inspect`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Client, Limits};
use super::lists;
use super::rows::{self, Row};
use super::secrets;
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::image_ref::ImageRef;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Everything the engine knows of one object.
#[derive(Debug)]
pub struct Inspect;

/// Kinds of objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Container,
    Image,
    Network,
    Volume,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// name or id
    target: String,
    /// kind of object
    #[serde(default)]
    kind: Kind,
}

/// The object, secrets redacted.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply {
    #[serde(flatten)]
    run: ExecReply,
    objects: Vec<Row>,
}

impl Tool for Inspect {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_docker_inspect", Group::Docker, "Inspect a container, image, network or volume")
        .found_as("Docker inspect", "container details health env mounts ip config");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let (kind, fits) = match args.kind {
            Kind::Container => ("container", ContainerName::parse(&args.target).map(drop)),
            Kind::Image => ("image", ImageRef::parse(&args.target).map(drop)),
            Kind::Network => ("network", ContainerName::parse(&args.target).map(drop)),
            Kind::Volume => ("volume", ContainerName::parse(&args.target).map(drop)),
        };
        fits.map_err(|why| {
            ToolError::value(format!("Argument `target`: {why}."), "Give the name or id of one object.")
        })?;
        let client = Client::observing(call, &args.host)?;
        let words = client.docker(["inspect", "--type", kind, "--", args.target.as_str()])?;
        let mut output = client.run(&words, Limits::default()).await?;
        let (mut objects, skipped) = rows::objects(&output.stdout);
        let redactor = client.host.redactor()?;
        secrets::redact(&mut objects, &redactor);
        output.stdout = rows::lines(&objects).into_bytes();
        lists::leave_to_rows(&mut output, skipped);
        Ok(Reply { run: ExecReply::of(&client.host, output), objects })
    }
}
