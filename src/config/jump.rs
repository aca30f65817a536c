//! Checks that `proxy_jump` names known hosts and that nobody is reached through itself.

use std::collections::{BTreeSet, HashMap};

use super::hosts::HostConfig;
use super::nearest::nearest;

/// Everything wrong with the jump hosts, as the index of the host to mend and a clause.
///
/// A diamond (two ways to the same hop) is fine. A cycle of any length is named once, at the host of it that comes
/// first in the file.
pub(super) fn faults(hosts: &[HostConfig]) -> Vec<(usize, String)> {
    let index: HashMap<&str, usize> = hosts.iter().enumerate().map(|(i, h)| (h.alias.as_str(), i)).collect();
    let mut found = Vec::new();
    for (at, host) in hosts.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for hop in &host.proxy_jump {
            if !seen.insert(hop) {
                found.push((at, format!("names `{hop}` twice")));
            } else if hop == &host.alias {
                found.push((at, "names the host itself".to_owned()));
            } else if !index.contains_key(hop.as_str()) {
                let hint = nearest(hop, index.keys().copied())
                    .map_or_else(|| "give it an entry of its own".to_owned(), |near| format!("did you mean `{near}`?"));
                found.push((at, format!("names `{hop}`, which is not an alias of this file; {hint}")));
            }
        }
    }
    let edges: Vec<Vec<usize>> = hosts
        .iter()
        .enumerate()
        .map(|(at, h)| {
            h.proxy_jump.iter().filter_map(|hop| index.get(hop.as_str()).copied()).filter(|to| *to != at).collect()
        })
        .collect();
    found.extend(cycles(&edges).into_iter().filter_map(|cycle| {
        let names: Vec<&str> =
            cycle.iter().chain(cycle.first()).filter_map(|i| hosts.get(*i)).map(|h| h.alias.as_str()).collect();
        Some((*cycle.first()?, format!("goes round in a circle: {}", names.join(" via "))))
    }));
    found
}

/// The cycles that a depth-first search closes, each beginning with its smallest index and reported once.
/// The search keeps its own stack: a file may chain more hosts than calls can nest.
fn cycles(edges: &[Vec<usize>]) -> BTreeSet<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let mut found = BTreeSet::new();
    for start in 0..edges.len() {
        if marks.get(start) != Some(&Mark::New) {
            continue;
        }
        // Hosts on the way, each with the number of its edges already taken.
        let mut way: Vec<(usize, usize)> = vec![(start, 0)];
        if let Some(mark) = marks.get_mut(start) {
            *mark = Mark::Open;
        }
        while let Some((node, taken)) = way.last_mut() {
            let (here, edge) = (*node, *taken);
            *taken += 1;
            let Some(&next) = edges.get(here).and_then(|e| e.get(edge)) else {
                if let Some(mark) = marks.get_mut(here) {
                    *mark = Mark::Done;
                }
                way.pop();
                continue;
            };
            match marks.get(next) {
                Some(Mark::New) => {
                    if let Some(mark) = marks.get_mut(next) {
                        *mark = Mark::Open;
                    }
                    way.push((next, 0));
                }
                Some(Mark::Open) => {
                    let mut cycle: Vec<usize> = way.iter().map(|(n, _)| *n).skip_while(|n| *n != next).collect();
                    let least = cycle.iter().enumerate().min_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
                    cycle.rotate_left(least);
                    found.insert(cycle);
                }
                _ => {}
            }
        }
    }
    found
}
