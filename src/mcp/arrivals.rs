//! Calls between their arrival and their tool: each that gets no further leaves its line in the audit, whoever refuses it
//! (the transport, the SDK, or the end of the session).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use rmcp::model::RequestId;

use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::LockAlways as _;
use crate::toolkit::backend::Backend;

pub(super) struct Arrivals {
    backend: Arc<dyn Backend>,
    /// Tools of the calls that have been handed to the SDK and have not come out of it.
    waiting: Mutex<HashMap<RequestId, String>>,
}

impl Arrivals {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Arrivals { backend, waiting: Mutex::default() }
    }

    /// A call goes to the SDK.
    pub(super) fn arrived(&self, id: &RequestId, tool: &str) {
        self.waiting().insert(id.clone(), tool.to_owned());
    }

    /// It came out of the SDK: from here on it is the backend's, which records it.
    pub(super) fn begun(&self, id: &RequestId) {
        self.waiting().remove(id);
    }

    /// An answer leaves under this id. Where the call never came out of the SDK, it is the SDK's refusal.
    pub(super) fn answered(&self, id: &RequestId) {
        let tool = self.waiting().remove(id);
        if let Some(tool) = tool {
            self.refused(Some(&tool));
        }
    }

    /// A call that cannot be read, or may not be taken in.
    pub(super) fn refused(&self, tool: Option<&str>) {
        let error = ToolError::value("The call was refused before it reached a tool.", "Its answer says why.");
        self.backend.record(tool, Err(&error));
    }

    /// A call that was cancelled while it waited for its turn.
    pub(super) fn cancelled(&self, tool: &str) {
        let error = ToolError::new(ErrorName::Cancelled, "The call was cancelled before it began.", "Call again.");
        self.backend.record(Some(tool), Err(&error));
    }

    /// The session is over: what the SDK still holds will not come out of it.
    pub(super) fn over(&self) {
        let left: Vec<String> = self.waiting().drain().map(|(_, tool)| tool).collect();
        for tool in left {
            self.cancelled(&tool);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<RequestId, String>> {
        self.waiting.lock_always()
    }
}
