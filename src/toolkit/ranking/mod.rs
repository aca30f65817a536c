//! BM25 over the names, descriptions, parameters and guides of tools.
//!
//! The plain formula (k1, b, idf as in Robertson and Zaragoza, 2009, with weighted fields) takes each idea of the query
//! by its best word. Two corrections follow from what a catalogue is: a tool that answers all ideas goes before one
//! that answers one of them well, and words in a tool's name that nobody asked for count against it
//! (`compose` in `docker_compose_restart`, when a container is to be restarted).

mod words;

use std::collections::HashMap;

use serde_json::Value;

use self::words::{Idea, ideas, stem, stems};
use super::decl::ToolDecl;
use crate::skills::Library;

const K1: f64 = 1.2;
const B: f64 = 0.5;
const NAME: f64 = 2.5;
const DESCRIPTION: f64 = 1.5;
const PARAMETERS: f64 = 0.3;
const GUIDE: f64 = 0.5;

/// What the least fitting tool keeps of its score for ideas that it does not answer, and for names not asked for.
const KEEP_UNANSWERED: f64 = 0.35;
const KEEP_UNASKED: f64 = 0.55;

/// What every name begins with.
const PREFIX: &str = "ssh";

/// What is searched of one tool or runbook.
pub(crate) struct Text {
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// The names of its arguments and what they say.
    pub parameters: String,
    /// What its guide says of when to use it; empty without one.
    pub guide: String,
}

impl Text {
    /// The text of a tool, with what the library says of it.
    pub(crate) fn of_tool(tool: &ToolDecl, library: &Library) -> Self {
        let mut parameters = String::new();
        if let Some(Value::Object(properties)) = tool.input_schema.get("properties") {
            for (name, schema) in properties {
                parameters.push_str(name);
                parameters.push(' ');
                parameters.push_str(schema.get("description").and_then(Value::as_str).unwrap_or_default());
                parameters.push(' ');
            }
        }
        let guide = library.get(&tool.name.replace('_', "-")).and_then(|guide| guide.text().ok());
        let guide = guide.map(|(head, _)| head.description).unwrap_or_default();
        Text { name: tool.name.to_owned(), description: tool.description.clone(), parameters, guide }
    }
}

struct Document {
    /// Weighted frequency by stem.
    frequency: HashMap<String, f64>,
    length: f64,
    name: Vec<String>,
}

/// The texts, ready to be searched.
pub(crate) struct Index {
    documents: Vec<Document>,
    idf: HashMap<String, f64>,
    average: f64,
}

impl Index {
    /// The index of these texts, numbered in their order.
    pub(crate) fn new(texts: &[Text]) -> Self {
        let documents: Vec<Document> = texts.iter().map(document).collect();
        let count = documents.len() as f64;
        let mut containing: HashMap<String, f64> = HashMap::new();
        for document in &documents {
            for stem in document.frequency.keys() {
                *containing.entry(stem.clone()).or_default() += 1.0;
            }
        }
        let idf = containing.into_iter().map(|(stem, n)| (stem, ((count - n + 0.5) / (n + 0.5)).ln_1p())).collect();
        let average = documents.iter().map(|document| document.length).sum::<f64>() / count.max(1.0);
        Index { documents, idf, average }
    }

    /// The numbers of the tools that fit, best first; equals in the catalogue's order.
    pub(crate) fn search(&self, query: &str) -> Vec<usize> {
        let ideas = ideas(query, |stem| self.idf.contains_key(stem));
        let asked = ideas.iter().map(|idea| idea.weight).sum::<f64>();
        let mut hits: Vec<(usize, f64)> = self
            .documents
            .iter()
            .enumerate()
            .map(|(number, document)| (number, self.score(document, &ideas, asked)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        hits.into_iter().map(|(number, _)| number).collect()
    }

    fn score(&self, document: &Document, ideas: &[Idea], asked: f64) -> f64 {
        let (mut score, mut answered) = (0.0, 0.0);
        for idea in ideas {
            let mut best = 0.0_f64;
            let mut worth = 0.0_f64;
            for (stem, value) in &idea.stems {
                let (Some(frequency), Some(idf)) = (document.frequency.get(stem), self.idf.get(stem)) else { continue };
                let norm = 1.0 - B + B * document.length / self.average;
                best = best.max(value * idf * frequency * (K1 + 1.0) / (frequency + K1 * norm));
                worth = worth.max(*value);
            }
            score += idea.weight * best;
            answered += idea.weight * worth;
        }
        if score <= 0.0 {
            return 0.0;
        }
        let named = document.name.iter().filter(|part| asks_for(ideas, part)).count() as f64;
        let unasked = 1.0 - named / (document.name.len() as f64).max(1.0);
        score * (1.0 - (1.0 - KEEP_UNANSWERED) * (1.0 - answered / asked)) * (1.0 - (1.0 - KEEP_UNASKED) * unasked)
    }
}

fn asks_for(ideas: &[Idea], part: &str) -> bool {
    ideas.iter().any(|idea| idea.stems.iter().any(|(stem, _)| stem == part))
}

fn document(text: &Text) -> Document {
    let mut frequency: HashMap<String, f64> = HashMap::new();
    let mut length = 0.0;
    let name: Vec<String> = stems(&text.name).into_iter().filter(|stem| stem != PREFIX).collect();
    let fields = [
        (NAME, name.clone()),
        (DESCRIPTION, stems(&text.description)),
        (PARAMETERS, stems(&text.parameters)),
        (GUIDE, stems(&text.guide)),
    ];
    for (weight, words) in fields {
        for stem in words {
            *frequency.entry(stem).or_default() += weight;
            length += weight;
        }
    }
    // A name is also one word: `journalctl` for `systemctl` fits neither, `is_active` fits "active".
    frequency.entry(stem(&text.name)).or_insert(NAME);
    Document { frequency, length, name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const TOOLS: &str = include_str!("../../../tests/cases/search/tools.tsv");

    fn catalogue() -> Vec<Text> {
        let mut tools = Vec::new();
        for line in TOOLS.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let [name, description, parameters] = fields[..] else { panic!("{line}") };
            tools.push(Text {
                name: name.into(),
                description: description.into(),
                parameters: parameters.into(),
                guide: String::new(),
            });
        }
        tools
    }

    /// How many queries have a right tool in the first three, and what went wrong.
    fn found(cases: &str) -> (usize, Vec<String>) {
        let tools = catalogue();
        let names: BTreeSet<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
        let index = Index::new(&tools);
        let (mut good, mut missed) = (0, Vec::new());
        for line in cases.lines() {
            let (query, right) = line.split_once('\t').unwrap();
            assert!(right.split(' ').all(|name| names.contains(name)), "{line}");
            let first: Vec<_> = index.search(query).into_iter().take(3).map(|n| tools[n].name.as_str()).collect();
            if right.split(' ').any(|name| first.contains(&name)) {
                good += 1;
            } else {
                missed.push(format!("{query}: {first:?}, wanted {right}"));
            }
        }
        (good, missed)
    }

    #[test]
    fn the_right_tool_is_among_the_first_three() {
        let (good, missed) = found(include_str!("../../../tests/cases/search/queries.tsv"));
        assert!(good >= 36, "{good} of 40: {missed:#?}");
        let more = include_str!("../../../tests/cases/search/more_queries.tsv");
        let (good, missed) = found(more);
        assert!(good * 10 >= more.lines().count() * 9, "{good}: {missed:#?}");
    }

    #[test]
    fn a_tools_own_name_finds_it_first() {
        let tools = catalogue();
        let index = Index::new(&tools);
        for (number, tool) in tools.iter().enumerate() {
            assert_eq!(index.search(&tool.name).first(), Some(&number), "{}", tool.name);
        }
    }

    #[test]
    fn nothing_fits_nothing() {
        let index = Index::new(&catalogue());
        assert!(index.search("").is_empty());
        assert!(index.search("qwertyuiop").is_empty());
        assert!(Index::new(&[]).search("restart nginx").is_empty());
    }
}
