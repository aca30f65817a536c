//! The form in which an answer leaves: lean, in an order that puts the verdict first, within its budget, and the same
//! facts as text and as structured data. What does not fit is kept for `ssh_output_read`.

pub(crate) mod client;
mod fit;
mod lean;
pub(super) mod nested;
mod order;
mod text;

use serde_json::Value;

pub(crate) use self::text::render;
use crate::toolkit::decl::Shape;
use crate::toolkit::state::kept_outputs::Cut;

/// The warnings of an answer.
const WARNINGS: &str = "output_warnings";
/// Names what was kept of an answer.
const OUTPUT_ID: &str = "output_id";
/// Says what an answer leaves out, and which call brings it.
const LEFT_OUT: &str = "left_out";

/// Times that an answer is fitted anew because its text was still too long.
const ROUNDS: usize = 8;

/// Adds sentences to the warnings of an answer, each once.
pub(super) fn warn(answer: &mut Value, warnings: Vec<String>) {
    let Value::Object(map) = answer else { return };
    if warnings.is_empty() {
        return;
    }
    let list = map.entry(WARNINGS).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        for warning in warnings {
            let warning = Value::String(warning);
            if !list.contains(&warning) {
                list.push(warning);
            }
        }
    }
}

/// Takes out what says nothing, puts the verdict first, and shortens what is too long for `budget` bytes in either form.
/// `id` names what is kept.
pub(super) fn arrange(answer: &mut Value, budget: usize, shape: Shape, id: &str) -> Vec<Cut> {
    lean::drop_empty(answer, shape.formed);
    order::sort(answer);
    let mut cuts = Vec::new();
    let complete = answer.clone();
    lean::drop_repeated(answer);
    if fit::size(answer) > budget || render(answer).len() > budget {
        let mut room = budget;
        for _ in 0..ROUNDS {
            *answer = complete.clone();
            cuts = fit::fit(answer, room, budget < fit::AMONG_MANY, shape.whole, id);
            order::sort(answer);
            // Measured as it leaves: a list that is a table no more takes more room in the text.
            lean::drop_repeated(answer);
            let text = render(answer).len();
            if text <= budget {
                break;
            }
            // The text of what is deep is larger than its JSON, which is what the room is measured in.
            room = room.min(fit::size(answer)).saturating_mul(budget) / text.max(1) / 16 * 15;
        }
    }
    cuts
}

#[cfg(test)]
mod tests;
