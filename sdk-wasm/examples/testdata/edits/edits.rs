//! The adapter of edits_test.go: many edits, among them long ones.
#![no_std]

use modgate_adapter::{adapter, capability, set_uri, Adapter, Fields, Next, Text};

struct Edits;

adapter!(Edits);

impl Adapter for Edits {
    const CAPABILITIES: u32 = capability::REQUEST | capability::RESPONSE;

    fn request() -> Next {
        set_head("X-Seen");
        Fields::RequestHeader.remove("X-Gone");
        set_uri("/changed");
        set_head("X-Now");
        for i in 0..40 {
            let mut number = Text::<8>::new();
            Fields::RequestHeader.add("X-Many", number.push_number(i).as_bytes());
        }
        let mut text = Text::<4096>::new();
        for _ in 0..750 {
            text.push("long");
        }
        Fields::RequestHeader.set("X-Long", text.as_bytes());
        Next::Forward(0)
    }

    fn response(_context: u32, _failed: bool) {
        let mut says = Text::<64>::new();
        says.field(Fields::ResponseHeader, "X-Says");
        Fields::ResponseHeader.set("X-Seen", says.as_bytes());
    }
}

fn set_head(name: &str) {
    let mut head = Text::<4096>::new();
    head.method().push(" ").uri();
    Fields::RequestHeader.set(name, head.as_bytes());
}
