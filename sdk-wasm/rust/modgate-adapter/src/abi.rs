// Code generated from sdk-wasm/abi/abi.json. DO NOT EDIT.

//! The ABI as it is: numbers, and the functions of the host.

/// Features of http_handler, as a set.
pub mod feature {
    /// Each request's body is read before handle_request is called.
    pub const BUFFER_REQUEST: u32 = 1;
    /// So is an answer's before handle_response is, which may read and replace it.
    pub const BUFFER_RESPONSE: u32 = 2;
    /// Trailers can be edited.
    pub const TRAILERS: u32 = 4;
}

/// Kinds of fields.
pub mod kind {
    pub const REQUEST_HEADER: u32 = 0;
    pub const RESPONSE_HEADER: u32 = 1;
    pub const REQUEST_TRAILER: u32 = 2;
    pub const RESPONSE_TRAILER: u32 = 3;
}

/// Kinds of bodies.
pub mod body {
    pub const REQUEST: u32 = 0;
    pub const RESPONSE: u32 = 1;
}

/// Levels of log lines.
pub mod level {
    pub const DEBUG: i32 = -1;
    pub const INFO: i32 = 0;
    pub const WARN: i32 = 1;
    pub const ERROR: i32 = 2;
    pub const NONE: i32 = 3;
}

/// What handle_request returns in its lower half.
pub mod next {
    /// The answer is made, and the module does not see the request.
    pub const ANSWERED: u32 = 0;
    /// The request goes on to the module.
    pub const FORWARD: u32 = 1;
}

/// What modgate_capabilities returns, as a set.
pub mod capability {
    /// Handle_request.
    pub const REQUEST: u32 = 1;
    /// Handle_response.
    pub const RESPONSE: u32 = 2;
    /// Lifecycle_encode.
    pub const ENCODE: u32 = 4;
    /// Lifecycle_decode.
    pub const DECODE: u32 = 8;
    /// Lifecycle_reply.
    pub const REPLY: u32 = 16;
    /// Health_request and health_response.
    pub const PROBE: u32 = 32;
    /// An instance works for one request at a time, from its beginning to the answer's end.
    pub const EXCLUSIVE: u32 = 64;
}

/// Features of modgate_adapter_v1, as a set.
pub mod extension {
    /// Get_event and emit_event.
    pub const JSON_EVENTS: u32 = 1;
    /// Get_attr, set_attr and emit.
    pub const ATTRIBUTES: u32 = 2;
    /// Get_property.
    pub const PROPERTIES: u32 = 4;
    /// Kv_get and kv_set; the operator grants it by plugin.shared.
    pub const SHARED: u32 = 8;
}

/// Types of events to a module.
pub mod event {
    /// What it requires is away, and comes back.
    pub const DELAY: u32 = 1;
    /// What it requires is not there.
    pub const MISSING: u32 = 2;
    /// What it requires is there again; of the module itself with the outcome granted: its update may begin.
    pub const RESUME: u32 = 3;
    /// What has become of the grant that it took, when lifecycle_reply has said in_progress.
    pub const POLL: u32 = 32;
}

/// Types of events from a module.
pub mod announce {
    /// It wants to update.
    pub const UPDATE: u32 = 16;
    /// It goes away.
    pub const DISCONNECT: u32 = 17;
    /// It is there again.
    pub const RESUME: u32 = 18;
}

/// What lifecycle_encode and health_request return in their lower half.
pub mod send {
    /// Of lifecycle_encode: nothing is sent, and the event counts as acknowledged; of health_request: as default.
    pub const NOTHING: u32 = 0;
    /// The request is sent as it was edited.
    pub const EDITED: u32 = 1;
    /// It is sent as it was.
    pub const DEFAULT: u32 = 2;
}

/// What lifecycle_reply returns.
pub mod verdict {
    /// The module took the event; of a grant: it has done its update.
    pub const ACKNOWLEDGED: u32 = 0;
    /// Tell it again later.
    pub const RETRY: u32 = 1;
    /// It will never take this one; of a grant: its update failed.
    pub const GIVE_UP: u32 = 2;
    /// It took the grant and is at it: lifecycle_encode is called with poll.
    pub const IN_PROGRESS: u32 = 3;
}

/// What health_response returns.
pub mod health {
    /// The gateway's default rule decides.
    pub const BY_RULE: u32 = 0;
    /// It can serve.
    pub const UP: u32 = 1;
    /// It can serve, and the administrator should look at it.
    pub const DEGRADED: u32 = 2;
    /// It cannot serve.
    pub const DOWN: u32 = 3;
    /// It cannot serve yet; this counts as no failure.
    pub const STARTING: u32 = 4;
}

/// What functions of modgate_adapter_v1 return instead of a length or 0.
pub mod error {
    /// There is no such thing.
    pub const ABSENT: i32 = -1;
    /// What was given is wrong.
    pub const INVALID: i32 = -2;
    /// There is no room.
    pub const FULL: i32 = -3;
}

#[link(wasm_import_module = "http_handler")]
extern "C" {
    /// Adds to the features, and returns all that are on: while the guest begins, for all requests; in handle_response without effect; else for this request and its answer.
    pub fn enable_features(features: u32) -> u32;
    /// Plugin.config of the module's block, as it is.
    pub fn get_config(buf: *mut u8, limit: usize) -> u32;
    /// 1 if a line of the level would be seen.
    pub fn log_enabled(level: i32) -> u32;
    /// Writes a line into the gateway's log; it never traps.
    pub fn log(level: i32, message: *const u8, message_len: usize);
    /// The request's method.
    pub fn get_method(buf: *mut u8, limit: usize) -> u32;
    /// Changes it, before the request is sent; it must be a token, and not CONNECT.
    pub fn set_method(method: *const u8, method_len: usize);
    /// Path and query as they are sent, percent-encoded; never empty.
    pub fn get_uri(buf: *mut u8, limit: usize) -> u32;
    /// Changes them, before the request is sent; it must begin with a slash, and what cannot be in a target is percent-encoded; an empty one is a slash.
    pub fn set_uri(uri: *const u8, uri_len: usize);
    /// What the client spoke: HTTP/1.1, HTTP/2.0.
    pub fn get_protocol_version(buf: *mut u8, limit: usize) -> u32;
    /// The client's address and port; empty if the gateway itself asks.
    pub fn get_source_addr(buf: *mut u8, limit: usize) -> u32;
    /// The names in lower case, each once, each followed by a zero: how many in the upper half, the length of all in the lower.
    pub fn get_header_names(kind: u32, buf: *mut u8, limit: usize) -> u64;
    /// The values under the name, one for each field, each followed by a zero: how many in the upper half, the length of all in the lower.
    pub fn get_header_values(kind: u32, name: *const u8, name_len: usize, buf: *mut u8, limit: usize) -> u64;
    /// Makes the value the only one under the name, in the place of the first.
    pub fn set_header_value(kind: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize);
    /// Adds a field.
    pub fn add_header_value(kind: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize);
    /// Removes all fields of the name.
    pub fn remove_header(kind: u32, name: *const u8, name_len: usize);
    /// The next bytes of the body: 1 in the upper half if these are the last, how many in the lower; room for none traps.
    pub fn read_body(kind: u32, buf: *mut u8, limit: usize) -> u64;
    /// Replaces the body the first time in a call, and appends to it then; nothing empties it.
    pub fn write_body(kind: u32, body: *const u8, body_len: usize);
    /// The answer's status; 200 while there is none.
    pub fn get_status_code() -> u32;
    /// Changes it: 200 to 999.
    pub fn set_status_code(status: u32);
}

#[link(wasm_import_module = "modgate_adapter_v1")]
extern "C" {
    /// Which of these features of the extension there are.
    pub fn features(want: u32) -> u32;
    /// The event as a CloudEvent in JSON; absent outside lifecycle_encode.
    pub fn get_event(buf: *mut u8, limit: usize) -> i32;
    /// An attribute of the event as a text, or absent.
    pub fn get_attr(name: *const u8, name_len: usize, buf: *mut u8, limit: usize) -> i32;
    /// Sets an attribute: in lifecycle_decode of the announcement, in lifecycle_reply of what is beside the verdict.
    pub fn set_attr(name: *const u8, name_len: usize, value: *const u8, value_len: usize);
    /// Announces what was set, and begins anew: 0, invalid or full; in lifecycle_decode only.
    pub fn emit(kind: u32) -> i32;
    /// Announces what a CloudEvent in JSON says: 0, invalid or full; in lifecycle_decode only.
    pub fn emit_event(event: *const u8, event_len: usize) -> i32;
    /// What the gateway knows under a name, or absent.
    pub fn get_property(name: *const u8, name_len: usize, buf: *mut u8, limit: usize) -> i32;
    /// Unix time in nanoseconds.
    pub fn now() -> i64;
    /// What the adapter's instances keep under a key for each other, or absent.
    pub fn kv_get(key: *const u8, key_len: usize, buf: *mut u8, limit: usize) -> i32;
    /// Keeps a value, for good with 0; an empty one is forgotten: 0 or full.
    pub fn kv_set(key: *const u8, key_len: usize, value: *const u8, value_len: usize, ttl_ms: u32) -> i32;
}
