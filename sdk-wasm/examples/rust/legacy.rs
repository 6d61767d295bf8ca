//! The adapter of a module that speaks a dialect of long ago, as the README of
//! the examples describes it.
#![no_std]

use modgate_adapter::{
    adapter, announce, capability, emit, event, set_attribute, set_method, set_status, set_uri,
    status, Adapter, Body, Decoded, Fields, Health, Next, Sending, Text, Verdict,
};

struct Legacy;

adapter!(Legacy);

const ROOM: usize = 8192;

impl Adapter for Legacy {
    const CAPABILITIES: u32 = capability::REQUEST
        | capability::RESPONSE
        | capability::ENCODE
        | capability::REPLY
        | capability::DECODE
        | capability::PROBE;

    fn request() -> Next {
        let mut uri = Text::<ROOM>::new();
        uri.push("/v1/").field(Fields::RequestHeader, "x-tenant");
        if !is_tenant(&uri.as_bytes()[4..]) {
            set_status(400);
            Body::Response.write("which tenant?\n");
            return Next::Answered;
        }
        Fields::RequestHeader.remove("x-tenant");
        set_uri(uri.uri().as_bytes());
        Next::Forward(0)
    }

    fn response(_context: u32, _failed: bool) {
        Fields::ResponseHeader.remove("server");
        let mut fault = Text::<256>::new();
        if !fault.field(Fields::ResponseHeader, "x-fault") {
            return;
        }
        Fields::ResponseHeader.remove("x-fault");
        set_status(match number(fault.as_bytes()) {
            Some(n) if (400..600).contains(&n) => n,
            _ => 502,
        });
    }

    fn encode(kind: u32) -> Sending {
        Fields::RequestHeader.remove("content-type");
        set_method("PUT");
        Body::Request.write("");
        let (mut uri, mut outcome) = (Text::<ROOM>::new(), Text::<64>::new());
        outcome.attribute("outcome");
        match kind {
            event::POLL => {
                set_method("GET");
                uri.push("/control/jobs/").attribute("job");
            }
            event::RESUME if outcome.as_bytes() == b"granted" => {
                uri.push("/control/upgrade?epoch=").attribute("epoch");
            }
            event::RESUME => {
                uri.push("/control/resume");
            }
            _ => {
                let (mut ttl, mut why) = (Text::<32>::new(), Text::<ROOM>::new());
                uri.push("/control/pause");
                if ttl.attribute("ttl_ms") {
                    uri.push("?ms=").push(ttl.as_bytes());
                }
                why.attribute("module");
                why.push(": ").attribute("reason");
                Body::Request.write(why.as_bytes());
            }
        }
        set_uri(uri.as_bytes());
        Sending::Edited(0)
    }

    fn reply(_context: u32, failed: bool) -> Verdict {
        let mut text = Text::<1024>::new();
        match status() {
            _ if failed => Verdict::Retry,
            202 => {
                text.field(Fields::ResponseHeader, "x-job");
                set_attribute("poll_ms", "500");
                set_attribute("job", text.as_bytes());
                Verdict::InProgress
            }
            409 => {
                text.body(Body::Response);
                set_attribute("reason", text.as_bytes());
                Verdict::GiveUp
            }
            200..=299 => Verdict::Acknowledged,
            _ => Verdict::Retry,
        }
    }

    fn decode() -> Decoded {
        let mut uri = Text::<ROOM>::new();
        let announced = match uri.uri().as_bytes() {
            b"/control/up" => {
                set_status(204);
                emit(announce::RESUME)
            }
            b"/control/down" => false,
            other => match other.strip_prefix(b"/control/down?for=") {
                Some(seconds) if number(seconds).map_or(false, |n| n < 65536) => {
                    let mut expected = Text::<16>::new();
                    set_attribute("expected", expected.push(seconds).push("s").as_bytes());
                    set_status(202);
                    emit(announce::DISCONNECT)
                }
                Some(_) => false,
                None => return Decoded::Traffic,
            },
        };
        if announced {
            Decoded::Message
        } else {
            Decoded::Malformed
        }
    }

    fn probe() -> Sending {
        set_uri("/control/status");
        Sending::Edited(0)
    }

    fn judge(_context: u32, failed: bool) -> Health {
        let mut says = Text::<ROOM>::new();
        if failed {
            return Health::ByRule;
        }
        says.body(Body::Response);
        match says.as_bytes() {
            b"OK" => Health::Up,
            b"WARN" => Health::Degraded,
            b"START" => Health::Starting,
            _ => Health::Down,
        }
    }
}

fn is_tenant(text: &[u8]) -> bool {
    let allowed = |c: &u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    !text.is_empty() && text.iter().all(allowed)
}

/// The number that is the text, of at most six digits.
fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 6 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |n, c| n * 10 + (c - b'0') as u32))
}
