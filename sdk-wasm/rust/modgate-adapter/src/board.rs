//! The board, where host and adapter leave for each other what otherwise takes
//! a call. Where the host does not know boards, it has room for nothing.

use core::cell::UnsafeCell;
use core::ptr::{addr_of, addr_of_mut, copy_nonoverlapping};
use core::slice::from_raw_parts;

const EDITS: usize = 32;
const HEAD: usize = 512;
const TEXTS: usize = 2048;

/// An edit, as the host reads it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Edit {
    what: u64,
    name: u64,
    name_len: u64,
    value: u64,
    value_len: u64,
}

#[repr(C)]
struct Layout {
    edits: u32,
    method: u32,
    target: u32,
    room: u32,
    head: u32,
    used: u32, // of texts
    list: [Edit; EDITS],
    text: [u8; HEAD],   // method and target
    texts: [u8; TEXTS], // of the edits
}

struct Board(UnsafeCell<Layout>);

// An instance has one thread.
unsafe impl Sync for Board {}

static BOARD: Board = Board(UnsafeCell::new(Layout {
    edits: 0,
    method: 0,
    target: 0,
    room: 0,
    head: 0,
    used: 0,
    list: [Edit {
        what: 0,
        name: 0,
        name_len: 0,
        value: 0,
        value_len: 0,
    }; EDITS],
    text: [0; HEAD],
    texts: [0; TEXTS],
}));

/// Is what `adapter!` exports as modgate_board.
pub fn set_up() -> u32 {
    let b = BOARD.0.get();
    unsafe {
        (*b).room = EDITS as u32;
        (*b).head = HEAD as u32;
    }
    b as usize as u32
}

/// Notes an edit of `abi::edit` with a copy of its texts. Returns whether there
/// was room.
pub(crate) fn note(what: u32, kind: u32, name: &str, value: &[u8]) -> bool {
    let b = BOARD.0.get();
    unsafe {
        let at = (*b).edits as usize;
        // The host sets edits to 0 when it has made them.
        let used = if at == 0 { 0 } else { (*b).used as usize };
        if at >= (*b).room as usize || at >= EDITS {
            return false;
        }
        if name.len() > TEXTS - used || value.len() > TEXTS - used - name.len() {
            return false;
        }
        let to = (addr_of_mut!((*b).texts) as *mut u8).add(used);
        copy_nonoverlapping(name.as_ptr(), to, name.len());
        copy_nonoverlapping(value.as_ptr(), to.add(name.len()), value.len());
        (*b).list[at] = Edit {
            what: (kind << 8 | what) as u64,
            name: to as usize as u64,
            name_len: name.len() as u64,
            value: to as usize as u64 + name.len() as u64,
            value_len: value.len() as u64,
        };
        (*b).used = (used + name.len() + value.len()) as u32;
        (*b).edits = at as u32 + 1;
    }
    true
}

/// The request's method, if it stands on the board. It is valid until the host
/// is called.
pub(crate) fn method() -> Option<&'static [u8]> {
    let b = BOARD.0.get();
    unsafe { part(0, (*b).method) }
}

/// Does for path and query as `method`.
pub(crate) fn target() -> Option<&'static [u8]> {
    let b = BOARD.0.get();
    unsafe { part((*b).method, (*b).target) }
}

unsafe fn part(from: u32, n: u32) -> Option<&'static [u8]> {
    let text = addr_of!((*BOARD.0.get()).text) as *const u8;
    match n {
        0 => None,
        n => Some(from_raw_parts(text.add(from as usize), n as usize)),
    }
}

/// Forgets method and target, one of which is about to be changed.
pub(crate) fn change() {
    let b = BOARD.0.get();
    unsafe {
        (*b).method = 0;
        (*b).target = 0;
    }
}
