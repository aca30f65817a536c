use super::*;
use std::sync::Mutex;

/// Three visible tools, and one that is hidden.
#[derive(Default)]
struct Three {
    called: Mutex<Vec<(String, Value)>>,
    recorded: Mutex<Vec<(Option<String>, bool)>>,
}

fn decl(name: &'static str, description: &str) -> ToolDecl {
    ToolDecl {
        name,
        description: description.into(),
        input_schema: schema(
            json!({"type": "object", "properties": {"host": {"type": "string", "description": "Alias"}}}),
        ),
        output_schema: schema(json!({"type": "object"})),
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: true,
        ..ToolDecl::default()
    }
}

impl Backend for Three {
    fn tools(&self) -> Arc<[ToolDecl]> {
        Arc::new([
            decl("ssh_host_ping", "Check that a host can be reached"),
            decl("ssh_host_disk_usage", "Mounted filesystems with size and use"),
            decl("ssh_systemctl_restart", "Restart a unit"),
        ])
    }

    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        _: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        let known = self.tools().iter().any(|tool| tool.name == name);
        let name = name.to_owned();
        Box::pin(async move {
            if !known {
                return Err(UnknownTool);
            }
            self.called.lock().unwrap().push((name.clone(), Value::Object(args)));
            Ok(ToolAnswer { text: name, ..ToolAnswer::default() })
        })
    }

    fn record(&self, tool: Option<&str>, outcome: Result<(), &ToolError>) {
        self.recorded.lock().unwrap().push((tool.map(str::to_owned), outcome.is_ok()));
    }

    fn server_info(&self) -> Value {
        json!({})
    }

    fn completions(&self, _: &str, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
}

fn searched(max: usize) -> (Arc<Three>, Searched) {
    let inner = Arc::new(Three::default());
    let pinned = ["ssh_host_ping".to_owned(), "ssh_hidden".to_owned()];
    (Arc::clone(&inner), Searched::new(inner, &pinned, max, &Library::default()))
}

async fn call(searched: &Searched, name: &str, args: Value) -> Result<ToolAnswer, UnknownTool> {
    let Value::Object(args) = args else { panic!() };
    searched.call(name, args, CallContext::default()).await
}

#[tokio::test]
async fn the_list_is_short_and_the_rest_is_found() {
    let (_, searched) = searched(2);
    let names: Vec<_> = searched.tools().iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["ssh_host_ping", "search_tools", "call_tool"]);
    let answer = call(&searched, "search_tools", json!({"query": "what fills the disk"})).await.unwrap();
    let result = answer.structured.unwrap()["result"].clone();
    assert_eq!(result[0], definition(&decl("ssh_host_disk_usage", "Mounted filesystems with size and use")));
    assert!(result.as_array().unwrap().len() <= 2);
    let usage = "ssh_host_disk_usage (reads): Mounted filesystems with size and use\n  host text: Alias";
    assert!(answer.text.starts_with(usage), "{}", answer.text);
    assert_eq!(result[0]["inputSchema"]["properties"]["host"], json!({"type": "string", "description": "Alias"}));
    let none = call(&searched, "search_tools", json!({"query": "zzz"})).await.unwrap();
    assert_eq!((none.is_error, none.structured), (false, Some(json!({"result": []}))));
}

#[tokio::test]
async fn a_call_by_way_of_the_search_is_the_same_call() {
    let (inner, searched) = searched(8);
    for (name, args) in [
        ("call_tool", json!({"name": "ssh_systemctl_restart", "arguments": {"unit": "nginx"}})),
        ("call_tool", json!({"name": "ssh_systemctl_restart", "arguments": null})),
        ("ssh_systemctl_restart", json!({"unit": "x"})),
    ] {
        assert_eq!(call(&searched, name, args).await.unwrap().text, "ssh_systemctl_restart");
    }
    let called: Vec<_> = inner.called.lock().unwrap().iter().map(|(_, args)| args.clone()).collect();
    assert_eq!(called, [json!({"unit": "nginx"}), json!({}), json!({"unit": "x"})]);
}

#[tokio::test]
async fn what_is_hidden_stays_hidden() {
    let (inner, searched) = searched(8);
    assert_eq!(call(&searched, "ssh_hidden", json!({})).await, Err(UnknownTool));
    for name in ["ssh_hidden", "call_tool", "search_tools", ""] {
        let answer = call(&searched, "call_tool", json!({"name": name})).await.unwrap();
        assert!(answer.is_error && answer.text.starts_with("ValueError: There is no tool"), "{}", answer.text);
    }
    assert!(inner.called.lock().unwrap().is_empty());
}

#[tokio::test]
async fn bad_arguments_are_refused_by_name() {
    let (_, searched) = searched(8);
    for (name, args, word) in [
        ("search_tools", json!({}), "query"),
        ("search_tools", json!({"query": 1}), "query"),
        ("search_tools", json!({"query": "x".repeat(501)}), "query"),
        ("search_tools", json!({"query": "x", "limit": 3}), "limit"),
        ("call_tool", json!({}), "name"),
        ("call_tool", json!({"name": "ssh_host_ping", "arguments": []}), "arguments"),
        ("call_tool", json!({"name": "ssh_host_ping", "host": "a"}), "host"),
    ] {
        let answer = call(&searched, name, args).await.unwrap();
        assert!(answer.is_error && answer.text.contains(word), "{}", answer.text);
    }
}

#[test]
fn a_usage_says_all_that_a_call_needs() {
    let mut tool = decl("ssh_patch", "Apply a patch");
    tool.read_only = false;
    tool.input_schema = schema(json!({"properties": {
        "host": {"type": "string", "description": "host alias"},
        "lines": {"type": "integer", "default": 20, "description": "most lines"},
        "state": {"type": "string", "enum": ["on", "off"]},
        "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "calls": {"type": "array", "items": {"type": "object", "properties": {"tool": {}, "arguments": {}}}},
        "quick": {"type": "boolean", "default": false, "description": "at once"},
    }, "required": ["host"]}));
    assert_eq!(
        usage(&tool),
        "ssh_patch (changes): Apply a patch\n  host* text: host alias\n  lines int=20: most lines\n  state on|off\n  \
         names [text]\n  calls [{tool, arguments}]\n  quick bool: at once"
    );
}
