//! Bytes as hexadecimal digits, and names that nobody can guess.

use super::error::ToolError;

/// Lower-case digits, two for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// So many random bytes as digits.
pub(crate) fn random_hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// The same for a call, which cannot go on without.
pub(crate) fn random_mark<const BYTES: usize>() -> Result<String, ToolError> {
    random_hex::<BYTES>().map_err(|why| {
        ToolError::value(
            format!("This machine gave no random numbers: {why}. Nothing was done."),
            "Call again; the operator looks at the system's random source where it stays so.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_two_digits() {
        assert_eq!(hex(&[0, 9, 10, 0x7f, 0xff]), "00090a7fff");
        assert_eq!((hex(&[]), random_hex::<8>().unwrap().len()), (String::new(), 16));
        assert_ne!(random_mark::<16>().unwrap(), random_mark::<16>().unwrap());
    }
}
