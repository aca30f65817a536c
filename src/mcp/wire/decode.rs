//! From JSON to the SDK's messages, by the method's name.
//!
//! The SDK reads a message by trying one type after another, which turns bad parameters of a known method into an
//! unknown method. Here the method decides the type, so that the caller learns what is wrong with the parameters.

use rmcp::model::{
    CallToolRequestParams, CancelledNotification, ClientJsonRpcMessage, ClientNotification, ClientRequest,
    ClientResult, CustomRequest, CustomResult, DiscoverRequest, DiscoverRequestParams, ErrorCode, ErrorData,
    Extensions, InitializedNotification, InitializedNotificationMethod, JsonRpcMessage, NotificationMetaObject,
    PingRequestMethod, ProgressNotification, Request, RequestId, RequestMetaObject, RequestNoParam,
    RequestOptionalParam, SubscriptionsListenRequest,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::peek::{MAX_ID_BYTES, RefusedCall, TOOLS_CALL};

/// Most errors that one refused batch is answered with.
const MAX_BATCH_ERRORS: usize = 64;

/// An error to answer with, and the request that it answers where that can be told.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) id: Option<RequestId>,
    pub(super) error: ErrorData,
}

impl Refusal {
    pub(super) fn new(id: Option<RequestId>, code: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { id, error: ErrorData::new(code, message.into(), None) }
    }
}

/// What a line holds.
#[derive(Debug)]
pub(super) enum Incoming {
    Message(Box<ClientJsonRpcMessage>),
    /// Nothing that anyone waits for: a notification that is unknown or broken, which must not be answered.
    Ignored,
    /// To be answered with these errors.
    Refused(Vec<Refusal>),
}

/// The calls of tools in a line, for the record if they are refused. Of a batch, as many as are answered.
pub(super) fn calls(line: &Value) -> Vec<RefusedCall> {
    let call = |message: &Value| {
        let is_call = message.get("method").and_then(Value::as_str) == Some(TOOLS_CALL);
        let name = || message.get("params")?.get("name")?.as_str().map(str::to_owned);
        is_call.then(|| RefusedCall(name()))
    };
    match line {
        Value::Array(batch) => batch.iter().filter_map(call).take(MAX_BATCH_ERRORS).collect(),
        message => call(message).into_iter().collect(),
    }
}

pub(super) fn decode(value: Value) -> Incoming {
    let mut message = match value {
        Value::Object(message) => message,
        Value::Array(batch) => return Incoming::Refused(refuse_batch(&batch)),
        _ => return invalid(None, "a message is a JSON object"),
    };
    let id = match message.remove("id").map(request_id) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) if message.contains_key("method") => {
            return invalid(None, format!("an id is a string or an integer of at most {MAX_ID_BYTES} bytes"));
        }
        Some(None) => return Incoming::Ignored,
    };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid(id, "jsonrpc must be \"2.0\"");
    }
    match (message.remove("method"), message.remove("result"), message.remove("error")) {
        (Some(Value::String(method)), None, None) => match (id, params(message.remove("params"))) {
            (Some(id), Ok(params)) => match request(method, params) {
                Ok(request) => Incoming::Message(Box::new(JsonRpcMessage::request(request, id))),
                Err(error) => Incoming::Refused(vec![Refusal { id: Some(id), error }]),
            },
            (Some(id), Err(error)) => Incoming::Refused(vec![Refusal { id: Some(id), error }]),
            (None, Ok(params)) => notification(&method, params)
                .map_or(Incoming::Ignored, |note| Incoming::Message(Box::new(JsonRpcMessage::notification(note)))),
            (None, Err(_)) => Incoming::Ignored,
        },
        // Answers to requests of ours.
        (None, Some(result), None) => match id {
            Some(id) => Incoming::Message(Box::new(JsonRpcMessage::response(
                ClientResult::CustomResult(CustomResult::new(result)),
                id,
            ))),
            None => Incoming::Ignored,
        },
        (None, None, Some(error)) => match serde_json::from_value(error) {
            Ok(error) => Incoming::Message(Box::new(JsonRpcMessage::error(error, id))),
            Err(_) => Incoming::Ignored,
        },
        (Some(Value::String(_)), ..) => invalid(id, "a request has no result and no error"),
        (Some(_), ..) => invalid(id, "method must be a string"),
        (None, ..) => invalid(id, "a message has a method, a result or an error"),
    }
}

fn invalid(id: Option<RequestId>, why: impl Into<String>) -> Incoming {
    Incoming::Refused(vec![Refusal::new(id, ErrorCode::INVALID_REQUEST, why)])
}

fn request_id(value: Value) -> Option<RequestId> {
    let id: RequestId = serde_json::from_value(value).ok()?;
    match &id {
        RequestId::String(text) if text.len() > MAX_ID_BYTES => None,
        _ => Some(id),
    }
}

/// Batches came with 2025-03-26 and went with 2025-06-18. Each call in one is refused under its own id, so that no
/// caller waits for ever.
fn refuse_batch(batch: &[Value]) -> Vec<Refusal> {
    const WHY: &str = "batches are not supported: send one message a line";
    let refuse = |id| Refusal::new(id, ErrorCode::INVALID_REQUEST, WHY);
    let calls = batch.iter().filter(|call| call.get("method").is_some());
    let ids = calls.filter_map(|call| call.get("id").cloned().and_then(request_id));
    let mut refusals: Vec<_> = ids.take(MAX_BATCH_ERRORS).map(|id| refuse(Some(id))).collect();
    if refusals.is_empty() {
        refusals.push(refuse(None));
    }
    refusals
}

type Params = Map<String, Value>;

fn params(value: Option<Value>) -> Result<Params, ErrorData> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(params)) => Ok(params),
        Some(_) => Err(ErrorData::invalid_params("params must be an object", None)),
    }
}

fn typed<P: DeserializeOwned>(params: Params) -> Result<P, ErrorData> {
    serde_json::from_value(Value::Object(params))
        .map_err(|error| ErrorData::invalid_params(format!("bad params: {error}"), None))
}

fn with<M: Default, P>(params: P, extensions: Extensions) -> Request<M, P> {
    let mut request = Request::new(params);
    request.extensions = extensions;
    request
}

fn optional<M: Default, P: DeserializeOwned>(
    params: Params,
    extensions: Extensions,
) -> Result<RequestOptionalParam<M, P>, ErrorData> {
    Ok(RequestOptionalParam { method: M::default(), params: Some(typed(params)?), extensions })
}

fn request(method: String, mut params: Params) -> Result<ClientRequest, ErrorData> {
    let meta = match params.remove("_meta") {
        None | Some(Value::Null) => RequestMetaObject::default(),
        Some(Value::Object(meta)) => RequestMetaObject(meta.into()),
        Some(_) => return Err(ErrorData::invalid_params("params._meta must be an object", None)),
    };
    let mut extensions = Extensions::new();
    extensions.insert(meta);

    Ok(match method.as_str() {
        "initialize" => ClientRequest::InitializeRequest(with(typed(params)?, extensions)),
        "server/discover" => {
            let request: DiscoverRequest = with(DiscoverRequestParams {}, extensions);
            ClientRequest::DiscoverRequest(request)
        }
        "ping" => ClientRequest::PingRequest(RequestNoParam { method: PingRequestMethod, extensions }),
        "tools/list" => ClientRequest::ListToolsRequest(optional(params, extensions)?),
        TOOLS_CALL => {
            let params: CallToolRequestParams = typed(params)?;
            ClientRequest::CallToolRequest(with(params, extensions))
        }
        "resources/list" => ClientRequest::ListResourcesRequest(optional(params, extensions)?),
        "resources/templates/list" => ClientRequest::ListResourceTemplatesRequest(optional(params, extensions)?),
        "resources/read" => ClientRequest::ReadResourceRequest(with(typed(params)?, extensions)),
        "resources/directory/read" => ClientRequest::ReadResourceDirectoryRequest(with(typed(params)?, extensions)),
        "prompts/list" => ClientRequest::ListPromptsRequest(optional(params, extensions)?),
        "prompts/get" => ClientRequest::GetPromptRequest(with(typed(params)?, extensions)),
        "completion/complete" => ClientRequest::CompleteRequest(with(typed(params)?, extensions)),
        "skills/list" => ClientRequest::ListSkillsRequest(optional(params, extensions)?),
        "skills/get" => ClientRequest::GetSkillRequest(with(typed(params)?, extensions)),
        "subscriptions/listen" => {
            let request: SubscriptionsListenRequest = with(typed(params)?, extensions);
            ClientRequest::SubscriptionsListenRequest(request)
        }
        // Everything else is not served, and the handler says so.
        _ => {
            let mut request = CustomRequest::new(method, None);
            request.extensions = extensions;
            ClientRequest::CustomRequest(request)
        }
    })
}

fn notification(method: &str, mut params: Params) -> Option<ClientNotification> {
    let mut extensions = Extensions::new();
    if let Some(Value::Object(meta)) = params.remove("_meta") {
        extensions.insert(NotificationMetaObject::from(meta));
    }
    match method {
        "notifications/cancelled" => {
            let mut note = CancelledNotification::new(typed(params).ok()?);
            note.extensions = extensions;
            Some(ClientNotification::CancelledNotification(note))
        }
        "notifications/initialized" => Some(ClientNotification::InitializedNotification(InitializedNotification {
            method: InitializedNotificationMethod,
            extensions,
        })),
        "notifications/progress" => {
            let mut note = ProgressNotification::new(typed(params).ok()?);
            note.extensions = extensions;
            Some(ClientNotification::ProgressNotification(note))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::Strategy;
    use serde_json::json;

    fn refused(value: Value) -> Vec<(Option<String>, i32, String)> {
        match decode(value) {
            Incoming::Refused(refusals) => refusals
                .into_iter()
                .map(|r| (r.id.map(|id| id.to_string()), r.error.code.0, r.error.message.into_owned()))
                .collect(),
            other => panic!("not refused: {other:?}"),
        }
    }

    fn one(value: Value) -> (Option<String>, i32) {
        let mut all = refused(value);
        assert_eq!(all.len(), 1);
        let (id, code, _) = all.remove(0);
        (id, code)
    }

    #[test]
    fn requests_are_read_by_their_method() {
        let call = json!({"jsonrpc":"2.0","id":1,"method":"tools/call",
            "params":{"name":"t","arguments":{"a":1},"_meta":{"progressToken":"p"}}});
        let Incoming::Message(message) = decode(call) else { panic!() };
        let JsonRpcMessage::Request(request) = *message else { panic!() };
        let ClientRequest::CallToolRequest(call) = request.request else { panic!() };
        assert_eq!(call.params.name, "t");
        assert_eq!(call.params.arguments.unwrap()["a"], 1);
        let meta = call.extensions.get::<RequestMetaObject>().unwrap();
        assert!(meta.get_progress_token().is_some());
    }

    #[test]
    fn every_method_that_is_served_is_read_as_itself() {
        for (method, params) in [
            (
                "initialize",
                json!({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}),
            ),
            ("server/discover", json!({})),
            ("ping", json!({})),
            ("tools/list", json!({})),
            ("tools/call", json!({"name":"t"})),
            ("resources/list", json!({"cursor": null})),
            ("resources/templates/list", json!({})),
            ("resources/read", json!({"uri":"x:"})),
            ("resources/directory/read", json!({"uri":"x:"})),
            ("prompts/list", json!({})),
            ("prompts/get", json!({"name":"p"})),
            (
                "completion/complete",
                json!({"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""},"context":{}}),
            ),
            ("skills/list", json!({})),
            ("skills/get", json!({"uri":"x:"})),
            ("subscriptions/listen", json!({"notifications":{}})),
        ] {
            let line = json!({"jsonrpc":"2.0","id":1,"method":method,"params":params});
            let Incoming::Message(message) = decode(line) else { panic!("{method}") };
            let JsonRpcMessage::Request(request) = *message else { panic!("{method}") };
            assert_eq!(request.request.method(), method);
            assert!(!matches!(request.request, ClientRequest::CustomRequest(_)), "{method}");
        }
    }

    #[test]
    fn a_malformed_request_is_refused_under_its_id() {
        let some = |id: &str, code| (Some(id.to_owned()), code);
        assert_eq!(one(json!({"jsonrpc":"2.0","id":1,"method":"tools/call"})), some("1", -32602));
        assert_eq!(one(json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]})), some("1", -32602));
        assert_eq!(
            one(json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":[1]}})),
            some("1", -32602)
        );
        assert_eq!(one(json!({"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":1}})), some("1", -32602));
        assert_eq!(one(json!({"jsonrpc":"1.0","id":"a","method":"ping"})), some("a", -32600));
        assert_eq!(one(json!({"id":"a","method":"ping"})), some("a", -32600));
        assert_eq!(one(json!({"jsonrpc":"2.0","id":"a","method":1})), some("a", -32600));
        assert_eq!(one(json!({"jsonrpc":"2.0","id":"a"})), some("a", -32600));
        assert_eq!(one(json!({"jsonrpc":"2.0","id":"a","method":"ping","result":{}})), some("a", -32600));
        for id in [json!(null), json!(1.5), json!([]), json!({}), json!(true), json!("x".repeat(300))] {
            assert_eq!(one(json!({"jsonrpc":"2.0","id":id,"method":"ping"})), (None, -32600));
        }
        for not_a_message in [json!(1), json!("x"), json!(null)] {
            assert_eq!(one(not_a_message), (None, -32600));
        }
    }

    proptest::proptest! {
        /// Whoever can be answered is: no request with an id that can be read goes by without an answer or a handler.
        #[test]
        fn a_request_with_an_id_never_vanishes(
            id in proptest::prop_oneof![
                proptest::prelude::any::<i64>().prop_map(Value::from),
                "[ -~]{0,40}".prop_map(Value::from),
            ],
            method in "(tools/(call|list)|resources/read|initialize|ping|[a-z/]{0,20})",
            params in "(\\{\\}|\\[\\]|null|1|\\{\"name\":(1|\"x\")\\}|\\{\"_meta\":(1|\\{\\})\\})",
            version in "(2.0|1.0|)",
        ) {
            let params: Value = serde_json::from_str(&params).unwrap();
            let expected = serde_json::from_value::<RequestId>(id.clone()).unwrap();
            let line = json!({"jsonrpc": version, "id": id, "method": method, "params": params});
            match decode(line) {
                Incoming::Message(message) => {
                    let JsonRpcMessage::Request(request) = *message else { panic!() };
                    assert_eq!(request.id, expected);
                    assert_eq!(request.request.method(), method);
                }
                Incoming::Refused(refusals) => {
                    let ids: Vec<_> = refusals.into_iter().map(|refusal| refusal.id).collect();
                    assert_eq!(ids, [Some(expected)]);
                }
                Incoming::Ignored => panic!("vanished"),
            }
        }
    }

    #[test]
    fn notifications_are_never_answered() {
        for method in ["notifications/unknown", "x", "notifications/cancelled"] {
            assert!(matches!(decode(json!({"jsonrpc":"2.0","method":method,"params":[1]})), Incoming::Ignored));
        }
        let cancelled = json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"r"}});
        assert!(matches!(decode(cancelled), Incoming::Message(_)));
    }

    #[test]
    fn each_call_of_a_batch_is_refused_under_its_id() {
        let ids: Vec<_> = refused(json!([
            {"jsonrpc":"2.0","id":1,"method":"ping"},
            {"jsonrpc":"2.0","method":"notifications/initialized"},
            {"jsonrpc":"2.0","id":"b","method":"ping"},
            {"jsonrpc":"2.0","id":9,"result":{}},
            7,
        ]))
        .into_iter()
        .map(|(id, code, _)| (id, code))
        .collect();
        assert_eq!(ids, [(Some("1".into()), -32600), (Some("b".into()), -32600)]);
        assert_eq!(one(json!([])), (None, -32600));
        assert_eq!(refused(Value::Array(vec![json!({"id":1,"method":"x"}); 1000])).len(), MAX_BATCH_ERRORS);
    }
}
