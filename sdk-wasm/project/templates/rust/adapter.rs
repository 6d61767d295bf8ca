//! NAME is the adapter of a module of that name, which serves under /legacy.
#![no_std]

use core::panic::PanicInfo;

/// What the gateway offers: http-wasm's handler ABI. A text is a pointer and a
/// length; get_... return how long the text is, and write it if it fits.
#[link(wasm_import_module = "http_handler")]
extern "C" {
    fn get_uri(buf: *mut u8, limit: u32) -> u32;
    fn set_uri(uri: *const u8, len: u32);
    fn set_header_value(kind: u32, name: *const u8, name_len: u32, value: *const u8, value_len: u32);
}

const RESPONSE_HEADER: u32 = 1;
const HOOK_REQUEST: u32 = 1;
const HOOK_RESPONSE: u32 = 2;
const PREFIX: &[u8] = b"/legacy";

#[no_mangle]
pub extern "C" fn modgate_capabilities() -> u32 {
    HOOK_REQUEST | HOOK_RESPONSE
}

/// A request on its way to the module. 1: it goes on. The upper half of the
/// result comes back as context with the answer.
#[no_mangle]
pub extern "C" fn handle_request() -> u64 {
    let mut uri = [0u8; 8192];
    uri[..PREFIX.len()].copy_from_slice(PREFIX);
    let rest = &mut uri[PREFIX.len()..];
    let n = unsafe { get_uri(rest.as_mut_ptr(), rest.len() as u32) };
    assert!(n as usize <= rest.len()); // it did not fit: 503
    unsafe { set_uri(uri.as_ptr(), PREFIX.len() as u32 + n) };
    1
}

/// The module's answer.
#[no_mangle]
pub extern "C" fn handle_response(_context: u32, failed: u32) {
    let (name, value) = (b"X-Adapted-By", b"NAME");
    if failed == 0 {
        unsafe { set_header_value(RESPONSE_HEADER, name.as_ptr(), name.len() as u32, value.as_ptr(), value.len() as u32) };
    }
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
