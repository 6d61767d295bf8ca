//! Adapters for modgate in Rust: without the standard library, without
//! dependencies, without an allocator.
//!
//! ```ignore
//! #![no_std]
//! use modgate_adapter::{adapter, capability, Adapter, Fields, Next, Text};
//!
//! struct Billing;
//!
//! impl Adapter for Billing {
//!     const CAPABILITIES: u32 = capability::REQUEST;
//!
//!     fn request() -> Next {
//!         let mut uri = Text::<4096>::new();
//!         uri.push("/v2").uri();
//!         modgate_adapter::set_uri(uri.as_bytes());
//!         Next::Forward(0)
//!     }
//! }
//!
//! adapter!(Billing);
//! ```
//!
//! An instance runs one hook at a time, and between a request and its answer it
//! runs others: what belongs to one request is the number in `Next::Forward`,
//! never a `static`. A panic ends the instance: its module's request is answered
//! 503. What the functions mean is in sdk-wasm/abi/abi.md.
#![no_std]

pub mod abi;

pub use abi::{announce, capability, event, feature};

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// What becomes of a request.
pub enum Next {
    /// The answer is made: the module does not see the request.
    Answered,
    /// It goes on to the module, and the number to `response`.
    Forward(u32),
}

/// What becomes of an event, or of a probe, with a number for its second half.
pub enum Sending {
    /// Nothing is sent: the event counts as acknowledged.
    Nothing,
    /// The request is sent as it was edited.
    Edited(u32),
    /// It is sent as it was.
    Default(u32),
}

/// How telling a module ended.
pub enum Verdict {
    Acknowledged = abi::verdict::ACKNOWLEDGED as isize,
    Retry = abi::verdict::RETRY as isize,
    GiveUp = abi::verdict::GIVE_UP as isize,
    InProgress = abi::verdict::IN_PROGRESS as isize,
}

/// A judgement of a module.
pub enum Health {
    ByRule = abi::health::BY_RULE as isize,
    Up = abi::health::UP as isize,
    Degraded = abi::health::DEGRADED as isize,
    Down = abi::health::DOWN as isize,
    Starting = abi::health::STARTING as isize,
}

/// What a module's request meant.
pub enum Decoded {
    /// It was a message.
    Message,
    /// It was traffic.
    Traffic,
    /// It was meant as a message, and cannot be understood.
    Malformed,
}

/// What an author fills in. `adapter!` exports it.
pub trait Adapter {
    /// The hooks that are meant: a sum of `capability`.
    const CAPABILITIES: u32;

    /// Takes the configuration; false refuses it.
    fn configure() -> bool {
        true
    }
    /// Sees a request on its way to the module.
    fn request() -> Next {
        Next::Forward(0)
    }
    /// Sees the module's answer, or, failed, that there is none.
    fn response(_context: u32, _failed: bool) {}
    /// Turns an event into the request with which the module is told.
    fn encode(_event: u32) -> Sending {
        Sending::Default(0)
    }
    /// Says what the module's answer means.
    fn reply(_context: u32, failed: bool) -> Verdict {
        if !failed && status() / 100 == 2 {
            Verdict::Acknowledged
        } else {
            Verdict::Retry
        }
    }
    /// Says what a request of the module to the gateway means.
    fn decode() -> Decoded {
        Decoded::Traffic
    }
    /// Edits the request that asks for the module's health.
    fn probe() -> Sending {
        Sending::Default(0)
    }
    /// Says what the answer means.
    fn judge(_context: u32, _failed: bool) -> Health {
        Health::ByRule
    }
}

/// Exports an adapter.
#[macro_export]
macro_rules! adapter {
    ($adapter:ty) => {
        #[no_mangle]
        pub extern "C" fn modgate_capabilities() -> u32 {
            <$adapter as $crate::Adapter>::CAPABILITIES
        }
        #[no_mangle]
        pub extern "C" fn modgate_configure() -> u32 {
            !<$adapter as $crate::Adapter>::configure() as u32
        }
        #[no_mangle]
        pub extern "C" fn handle_request() -> u64 {
            <$adapter as $crate::Adapter>::request().result()
        }
        #[no_mangle]
        pub extern "C" fn handle_response(context: u32, is_error: u32) {
            <$adapter as $crate::Adapter>::response(context, is_error != 0)
        }
        #[no_mangle]
        pub extern "C" fn lifecycle_encode(event: u32) -> u64 {
            <$adapter as $crate::Adapter>::encode(event).result()
        }
        #[no_mangle]
        pub extern "C" fn lifecycle_reply(context: u32, is_error: u32) -> u32 {
            <$adapter as $crate::Adapter>::reply(context, is_error != 0) as u32
        }
        #[no_mangle]
        pub extern "C" fn lifecycle_decode() -> i32 {
            <$adapter as $crate::Adapter>::decode().result()
        }
        #[no_mangle]
        pub extern "C" fn health_request() -> u64 {
            <$adapter as $crate::Adapter>::probe().result()
        }
        #[no_mangle]
        pub extern "C" fn health_response(context: u32, is_error: u32) -> u32 {
            <$adapter as $crate::Adapter>::judge(context, is_error != 0) as u32
        }
    };
}

impl Next {
    #[doc(hidden)]
    pub fn result(self) -> u64 {
        match self {
            Next::Answered => abi::next::ANSWERED as u64,
            Next::Forward(context) => (context as u64) << 32 | abi::next::FORWARD as u64,
        }
    }
}

impl Sending {
    #[doc(hidden)]
    pub fn result(self) -> u64 {
        match self {
            Sending::Nothing => abi::send::NOTHING as u64,
            Sending::Edited(context) => (context as u64) << 32 | abi::send::EDITED as u64,
            Sending::Default(context) => (context as u64) << 32 | abi::send::DEFAULT as u64,
        }
    }
}

impl Decoded {
    #[doc(hidden)]
    pub fn result(self) -> i32 {
        match self {
            Decoded::Message => 1,
            Decoded::Traffic => 0,
            Decoded::Malformed => -1,
        }
    }
}

/// A text of at most N bytes that is put together. What does not fit panics.
pub struct Text<const N: usize> {
    bytes: [core::mem::MaybeUninit<u8>; N],
    len: usize,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Text<N> {
    /// Returns an empty text.
    pub const fn new() -> Self {
        // Not [uninit(); N], which older compilers fill with zeros.
        let bytes = core::mem::MaybeUninit::<[core::mem::MaybeUninit<u8>; N]>::uninit();
        Text {
            bytes: unsafe { bytes.assume_init() },
            len: 0,
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        // What is before len was written.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr() as *const u8, self.len) }
    }

    /// Appends a text.
    pub fn push<T: AsRef<[u8]>>(&mut self, text: T) -> &mut Self {
        let text = text.as_ref();
        self.took(text.len(), |at| unsafe {
            core::ptr::copy_nonoverlapping(text.as_ptr(), at, text.len())
        })
    }

    /// Appends a number.
    pub fn push_number(&mut self, n: u64) -> &mut Self {
        if n > 9 {
            self.push_number(n / 10);
        }
        self.push([b'0' + (n % 10) as u8])
    }

    fn took(&mut self, n: usize, write: impl FnOnce(*mut u8)) -> &mut Self {
        assert!(n <= N - self.len);
        write(unsafe { self.bytes.as_mut_ptr().add(self.len) as *mut u8 });
        self.len += n;
        self
    }

    /// Appends what get, a function of the host, writes.
    fn push_from(&mut self, get: impl FnOnce(*mut u8, usize) -> i64) -> bool {
        let room = N - self.len;
        let n = get(
            unsafe { self.bytes.as_mut_ptr().add(self.len) as *mut u8 },
            room,
        );
        if n < 0 {
            return false;
        }
        assert!(n as usize <= room);
        self.len += n as usize;
        true
    }

    /// Appends the method.
    pub fn method(&mut self) -> &mut Self {
        self.push_from(|at, n| unsafe { abi::get_method(at, n) as i64 });
        self
    }

    /// Appends path and query as they are sent.
    pub fn uri(&mut self) -> &mut Self {
        self.push_from(|at, n| unsafe { abi::get_uri(at, n) as i64 });
        self
    }

    /// Appends the configuration.
    pub fn config(&mut self) -> &mut Self {
        self.push_from(|at, n| unsafe { abi::get_config(at, n) as i64 });
        self
    }

    /// Appends the first value of a field. Returns whether there is one.
    pub fn field(&mut self, fields: Fields, name: &str) -> bool {
        let start = self.len;
        let mut count = 0;
        self.push_from(|at, n| unsafe {
            let r = abi::get_header_values(fields as u32, name.as_ptr(), name.len(), at, n);
            count = r >> 32;
            r as u32 as i64
        });
        if let Some(n) = self.as_bytes()[start..].iter().position(|b| *b == 0) {
            self.len = start + n;
        }
        count > 0
    }

    /// Appends an attribute of the event. Returns whether there is one.
    pub fn attribute(&mut self, name: &str) -> bool {
        self.push_from(|at, n| unsafe { abi::get_attr(name.as_ptr(), name.len(), at, n) as i64 })
    }

    /// Appends what the gateway knows under a name. Returns whether it does.
    pub fn property(&mut self, name: &str) -> bool {
        self.push_from(|at, n| unsafe {
            abi::get_property(name.as_ptr(), name.len(), at, n) as i64
        })
    }

    /// Appends what the adapter's instances keep under a key. Returns whether
    /// there is anything.
    pub fn shared(&mut self, key: &str) -> bool {
        self.push_from(|at, n| unsafe { abi::kv_get(key.as_ptr(), key.len(), at, n) as i64 })
    }

    /// Appends a body, as far as there is room. Returns whether it is whole.
    pub fn body(&mut self, body: Body) -> bool {
        while self.len < N {
            let mut last = false;
            self.push_from(|at, n| unsafe {
                let r = abi::read_body(body as u32, at, n);
                last = r >> 32 == 1;
                r as u32 as i64
            });
            if last {
                return true;
            }
        }
        false
    }
}

/// Fields of a header or trailer.
#[derive(Clone, Copy)]
pub enum Fields {
    RequestHeader = abi::kind::REQUEST_HEADER as isize,
    ResponseHeader = abi::kind::RESPONSE_HEADER as isize,
    RequestTrailer = abi::kind::REQUEST_TRAILER as isize,
    ResponseTrailer = abi::kind::RESPONSE_TRAILER as isize,
}

impl Fields {
    /// Whether there is a value under the name.
    pub fn has(self, name: &str) -> bool {
        let none = core::ptr::NonNull::dangling().as_ptr();
        unsafe { abi::get_header_values(self as u32, name.as_ptr(), name.len(), none, 0) >> 32 > 0 }
    }

    /// Makes value the only one under the name.
    pub fn set<T: AsRef<[u8]>>(self, name: &str, value: T) {
        let v = value.as_ref();
        unsafe {
            abi::set_header_value(self as u32, name.as_ptr(), name.len(), v.as_ptr(), v.len())
        }
    }

    /// Adds a field.
    pub fn add<T: AsRef<[u8]>>(self, name: &str, value: T) {
        let v = value.as_ref();
        unsafe {
            abi::add_header_value(self as u32, name.as_ptr(), name.len(), v.as_ptr(), v.len())
        }
    }

    /// Removes all fields of the name.
    pub fn remove(self, name: &str) {
        unsafe { abi::remove_header(self as u32, name.as_ptr(), name.len()) }
    }
}

/// A body.
#[derive(Clone, Copy)]
pub enum Body {
    Request = abi::body::REQUEST as isize,
    Response = abi::body::RESPONSE as isize,
}

impl Body {
    /// Replaces the body the first time in a hook, and appends to it then.
    pub fn write<T: AsRef<[u8]>>(self, text: T) {
        let b = text.as_ref();
        unsafe { abi::write_body(self as u32, b.as_ptr(), b.len()) }
    }
}

/// Changes the method.
pub fn set_method<T: AsRef<[u8]>>(method: T) {
    let m = method.as_ref();
    unsafe { abi::set_method(m.as_ptr(), m.len()) }
}

/// Changes path and query.
pub fn set_uri<T: AsRef<[u8]>>(uri: T) {
    let u = uri.as_ref();
    unsafe { abi::set_uri(u.as_ptr(), u.len()) }
}

/// The answer's status; 200 while there is none.
pub fn status() -> u32 {
    unsafe { abi::get_status_code() }
}

/// Changes the answer's status.
pub fn set_status(status: u32) {
    unsafe { abi::set_status_code(status) }
}

/// Enables features, a sum of `feature`, and returns all that are on.
pub fn enable(features: u32) -> u32 {
    unsafe { abi::enable_features(features) }
}

/// Writes a line into the gateway's log, of a level of `abi::level`.
pub fn log<T: AsRef<[u8]>>(level: i32, text: T) {
    let t = text.as_ref();
    unsafe { abi::log(level, t.as_ptr(), t.len()) }
}

/// Sets an attribute, in `decode` of the announcement, in `reply` of what is
/// beside the verdict.
pub fn set_attribute<T: AsRef<[u8]>>(name: &str, value: T) {
    let v = value.as_ref();
    unsafe { abi::set_attr(name.as_ptr(), name.len(), v.as_ptr(), v.len()) }
}

/// Announces what was set, of a type of `announce`. Returns whether it was right.
pub fn emit(kind: u32) -> bool {
    unsafe { abi::emit(kind) == 0 }
}

/// Unix time in nanoseconds.
pub fn now() -> i64 {
    unsafe { abi::now() }
}

/// Keeps a value for the adapter's instances, for good with 0. Returns whether
/// there is room for it.
pub fn share<T: AsRef<[u8]>>(key: &str, value: T, ttl_ms: u32) -> bool {
    let v = value.as_ref();
    unsafe { abi::kv_set(key.as_ptr(), key.len(), v.as_ptr(), v.len(), ttl_ms) == 0 }
}
