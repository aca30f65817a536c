//! Puts this server's name on every answer of the stateless era, where no handshake has said it.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::model::{
    ClientNotification, ClientRequest, Implementation, MetaObject, ProtocolVersion, ServerConfig, ServerResult,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, Service};

use super::server::{Server, is_stateless};

/// `_meta` key of the 2026-07-28 revision.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The server with a signature under its answers.
pub(super) struct Signed {
    server: Server,
    name: Implementation,
}

impl Signed {
    pub(super) fn new(server: Server) -> Self {
        let name = server.implementation();
        Signed { server, name }
    }

    fn sign(&self, result: &mut ServerResult) {
        let meta: &mut Option<MetaObject> = match result {
            ServerResult::DiscoverResult(r) => &mut r.meta,
            ServerResult::CompleteResult(r) => &mut r.meta,
            ServerResult::GetPromptResult(r) => &mut r.meta,
            ServerResult::ListPromptsResult(r) => &mut r.meta,
            ServerResult::ListResourcesResult(r) => &mut r.meta,
            ServerResult::ListResourceTemplatesResult(r) => &mut r.meta,
            ServerResult::ReadResourceResult(r) => &mut r.meta,
            ServerResult::ListToolsResult(r) => &mut r.meta,
            ServerResult::ListSkillsResult(r) => &mut r.meta,
            ServerResult::GetSkillResult(r) => &mut r.meta,
            ServerResult::CallToolResult(r) => &mut r.meta,
            _ => return,
        };
        if let Ok(name) = serde_json::to_value(&self.name) {
            meta.get_or_insert_default().insert(SERVER_INFO.to_owned(), name);
        }
    }
}

impl Service<RoleServer> for Signed {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let stateless = is_stateless(&context);
        let mut result = Service::handle_request(&self.server, request, context).await?;
        if stateless {
            self.sign(&mut result);
        }
        Ok(result)
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Service::handle_notification(&self.server, notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        Service::get_info(&self.server)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Service::supported_protocol_versions(&self.server)
    }
}
