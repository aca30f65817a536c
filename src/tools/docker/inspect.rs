//! `ssh_docker_inspect`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
pub(super) struct Inspect;

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
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    target: String,
    /// kind of object
    #[serde(default)]
    kind: Kind,
    /// only these, such as State.Health
    #[serde(default)]
    fields: Vec<String>,
}

/// The object, secrets redacted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
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
        if !args.fields.is_empty() {
            let (chosen, missing) = choose(&objects, &args.fields);
            if !missing.is_empty() && !objects.is_empty() {
                call.warn(format!(
                    "Not in this object: {}. Names are as in the whole answer, with dots between.",
                    missing.join(", ")
                ));
            }
            objects = chosen;
        }
        output.stdout = rows::lines(&objects).into_bytes();
        lists::leave_to_rows(&mut output, skipped);
        Ok(Reply { run: ExecReply::of(&client.host, output), objects })
    }
}

/// Of each object only the fields of these names, and the names that no object has.
fn choose(objects: &[Row], fields: &[String]) -> (Vec<Row>, Vec<String>) {
    let chosen: Vec<Row> = objects
        .iter()
        .map(|object| fields.iter().filter_map(|name| Some((name.clone(), at(object, name)?.clone()))).collect())
        .collect();
    let missing = fields.iter().filter(|name| !chosen.iter().any(|row| row.contains_key(*name))).cloned().collect();
    (chosen, missing)
}

/// The value of a name with dots. Keys hold dots too, so the longest key that is there goes first.
fn at<'v>(object: &'v Row, name: &str) -> Option<&'v Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let dots = name.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
    dots.into_iter().rev().find_map(|dot| {
        let (key, rest) = (name.get(..dot)?, name.get(dot + 1..)?);
        match object.get(key)? {
            Value::Object(inner) => at(inner, rest),
            Value::Array(items) => rest.parse::<usize>().ok().and_then(|number| items.get(number)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_chosen_by_their_names() {
        let whole = json!({"State": {"Health": {"Status": "healthy"}}, "Mounts": [{"Type": "bind"}],
            "Config": {"Labels": {"com.docker.project": "shop"}}});
        let objects = vec![whole.as_object().unwrap().clone()];
        let names =
            ["State.Health.Status", "Config.Labels.com.docker.project", "Mounts.0", "State.Nope"].map(str::to_owned);
        let (chosen, missing) = choose(&objects, &names);
        let expected = json!({"State.Health.Status": "healthy", "Config.Labels.com.docker.project": "shop", "Mounts.0": {"Type": "bind"}});
        assert_eq!((Value::Object(chosen[0].clone()), missing), (expected, vec!["State.Nope".to_owned()]));
    }
}
