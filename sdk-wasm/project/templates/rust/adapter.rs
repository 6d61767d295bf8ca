//! NAME is the adapter of a module of that name, which serves under /legacy.
#![no_std]

use modgate_adapter::{adapter, capability, set_uri, Adapter, Fields, Next, Text};

struct Dialect;

adapter!(Dialect);

impl Adapter for Dialect {
    const CAPABILITIES: u32 = capability::REQUEST | capability::RESPONSE;

    /// A request on its way to the module. The number in Forward comes back
    /// as context with the answer.
    fn request() -> Next {
        let mut uri = Text::<8192>::new(); // what does not fit: 503
        set_uri(uri.push("/legacy").uri().as_bytes());
        Next::Forward(0)
    }

    /// The module's answer.
    fn response(_context: u32, failed: bool) {
        if !failed {
            Fields::ResponseHeader.set("X-Adapted-By", "NAME");
        }
    }
}
