//! How much content fits inside an answer or a call.

use crate::toolkit::Call;

/// Most bytes of content inside an answer or a call: base64 of it still fits the 16 MiB frame of MCP clients.
pub(in crate::tools) const INLINE_MAX: u64 = 11 << 20;

/// The same, by the operator's setting too.
pub(in crate::tools) fn inline_cap(call: &Call) -> u64 {
    call.settings().ssh_upload_max_file_bytes.min(INLINE_MAX)
}
