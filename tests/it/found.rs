//! Whether a model finds the right tool: by the search of this server, and by a client's own that ranks names, titles,
//! descriptions and hints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::registry::setup;

/// What somebody asks who does not know the tools, and those that are right.
const ASKS: &str = include_str!("../cases/search/queries.tsv");

/// Words that say nothing of what is wanted.
const STOP: &str = "a an the is are was in on of to for and or at by me my this that it its what which why how who show list \
    all any do does did into from with there has have each everything once";

/// A plain ranker as clients have one: how well the words of a question fit the name, the title, the hint and the description.
fn ranked(tools: &[Value], question: &str) -> Vec<String> {
    let words = words(question);
    let texts: Vec<[(f64, Vec<String>); 4]> = tools.iter().map(fields).collect();
    let rarity: BTreeMap<&String, f64> = words
        .iter()
        .map(|word| {
            let with = texts.iter().filter(|fields| fields.iter().any(|(_, words)| fits(words, word))).count();
            (word, (tools.len() as f64 / (1.0 + with as f64)).ln_1p())
        })
        .collect();
    let score = |fields: &[(f64, Vec<String>); 4]| -> f64 {
        let of_word = |word: &String| {
            let best = fields.iter().filter(|(_, words)| fits(words, word)).map(|(weight, _)| *weight).sum::<f64>();
            best * rarity[word]
        };
        words.iter().map(of_word).sum::<f64>() / (1.0 + fields[0].1.len() as f64 * 0.15)
    };
    let mut scored: Vec<(f64, &str)> =
        texts.iter().map(score).zip(tools.iter().map(|tool| tool["name"].as_str().unwrap())).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).filter(|(score, _)| *score > 0.0).map(|(_, name)| name.to_owned()).collect()
}

fn fields(tool: &Value) -> [(f64, Vec<String>); 4] {
    let text = |value: &Value| words(value.as_str().unwrap_or_default());
    [
        (3.0, text(&tool["name"])),
        (2.0, text(&tool["title"])),
        (2.0, text(&tool["_meta"]["anthropic/searchHint"])),
        (1.5, text(&tool["description"])),
    ]
}

fn words(text: &str) -> Vec<String> {
    let stop: Vec<&str> = STOP.split_whitespace().collect();
    let lower = text.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 1 && *word != "ssh" && !stop.contains(word))
        .map(|word| stem(word).to_owned())
        .collect()
}

/// Endings that make no other word.
fn stem(word: &str) -> &str {
    ["ing", "ies", "es", "ed", "s", "y"]
        .iter()
        .find_map(|end| word.strip_suffix(end))
        .filter(|s| s.len() > 2)
        .unwrap_or(word)
}

fn fits(words: &[String], word: &str) -> bool {
    words.iter().any(|other| other == word || (word.len() > 3 && other.starts_with(word)))
}

#[test]
fn forty_plain_asks_find_their_tool_by_both_ways() {
    let mut listing = setup().env("ALLOW_SUDO", "true").start();
    let tools = listing.request("tools/list", json!({}))["result"]["tools"].as_array().unwrap().clone();
    let marked = |key: &str| -> Vec<&str> {
        let marked = tools.iter().filter(|tool| !tool["_meta"][key].is_null());
        marked.filter_map(|tool| tool["name"].as_str()).collect()
    };
    assert_eq!(marked("anthropic/alwaysLoad").len(), 6, "{:?}", marked("anthropic/alwaysLoad"));
    let mut large = marked("anthropic/maxResultSizeChars");
    large.sort_unstable();
    assert_eq!(
        large,
        ["ssh_job_read", "ssh_read_redacted", "ssh_sftp_download", "ssh_sudo_read", "ssh_sudo_read_redacted"]
    );
    let mut searching =
        setup().env("ALLOW_SUDO", "true").env("SSH_ENABLE_BM25", "true").env("SSH_BM25_MAX_RESULTS", "5").start();
    let (mut asked, mut by_search, mut by_rank, mut missed, mut longest) = (0, 0, 0, Vec::new(), 0);
    for line in ASKS.lines() {
        let (question, right) = line.split_once('\t').unwrap();
        let right: Vec<&str> = right.split(' ').collect();
        asked += 1;
        let found = searching.call("search_tools", json!({"query": question}));
        longest = longest.max(found.text.len());
        let first: Vec<&str> =
            found.data["result"].as_array().unwrap().iter().take(3).filter_map(|tool| tool["name"].as_str()).collect();
        // All that a call needs stands in the text too.
        for tool in found.data["result"].as_array().unwrap() {
            assert!(found.text.contains(&format!("{} (", tool["name"].as_str().unwrap())), "{}", found.text);
            for name in tool["inputSchema"]["properties"].as_object().unwrap().keys() {
                assert!(found.text.contains(&format!("\n  {name}")), "{name} in {}", found.text);
            }
        }
        by_search += usize::from(first.iter().any(|name| right.contains(name)));
        let first = ranked(&tools, question);
        let good = first.iter().any(|name| right.contains(&name.as_str()));
        by_rank += usize::from(good);
        if !good {
            missed.push(format!("{question}: {first:?}, wanted {right:?}"));
        }
    }
    println!("{asked} asks: search mode {by_search}, a plain ranker {by_rank}; longest text of 5 tools {longest}");
    println!("{missed:#?}");
    assert!(asked == 40 && by_search >= 36 && by_rank >= 36, "search {by_search}, ranker {by_rank}: {missed:#?}");
    assert!(longest <= 3072, "{longest}");
}
