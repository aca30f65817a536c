//! One record of comma-separated values, as Go's `encoding/csv` reads the value of `--mount`.

/// Splits one record. Quotes are honoured only around a whole field; a quote elsewhere, an unclosed quote or a
/// line break is an error, as it is for docker or would hide a second record from it.
pub(super) fn record(text: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let field;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut chars = quoted.char_indices().peekable();
            let mut end = None;
            while let Some((at, c)) = chars.next() {
                if c != '"' {
                    value.push(c);
                } else if chars.peek().is_some_and(|(_, next)| *next == '"') {
                    value.push('"');
                    chars.next();
                } else {
                    end = Some(at + 1);
                    break;
                }
            }
            rest = quoted.get(end?..)?;
            field = value;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (value, after) = rest.split_at(end);
            if value.contains('"') {
                return None;
            }
            rest = after;
            field = value.to_owned();
        }
        if field.contains(['\n', '\r', '\0']) {
            return None;
        }
        fields.push(field);
        if rest.is_empty() {
            return Some(fields);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// Writes one field so that [`record`] and Go read it back unchanged.
pub(super) fn field(text: &str) -> String {
    if text.contains([',', '"']) || text.starts_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_go_does() {
        let fields = |t: &str| record(t);
        assert_eq!(fields("a,b=c"), Some(vec!["a".into(), "b=c".into()]));
        assert_eq!(fields("\"source=/,x\",y"), Some(vec!["source=/,x".into(), "y".into()]));
        assert_eq!(fields("\"a\"\"b\""), Some(vec!["a\"b".into()]));
        assert_eq!(fields("a,"), Some(vec!["a".into(), String::new()]));
        for bad in ["\"a", "a\"b", "\"a\"b", "a\nb"] {
            assert_eq!(fields(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn fields_come_back() {
        for text in ["a", "a,b", "a\"b", "source=/x,y"] {
            assert_eq!(record(&field(text)), Some(vec![text.to_owned()]));
        }
    }
}
