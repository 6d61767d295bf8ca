//go:build unix

package proxy

import (
	"io"
	"syscall"
)

// readNow reads from a socket that does not block. If it finds nothing, wait is
// set; its end is io.EOF.
func readNow(fd uintptr, p []byte) (n int, wait bool, err error) {
	for {
		n, errno := read(fd, p)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, true, nil
		case errno != 0:
			return 0, false, errno
		case n == 0:
			return 0, false, io.EOF
		default:
			return n, false, nil
		}
	}
}

// writeNow writes to a socket that does not block. If there is no room, wait is
// set.
func writeNow(fd uintptr, p []byte) (n int, wait bool, err error) {
	for {
		n, errno := write(fd, p)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, true, nil
		case errno != 0:
			return 0, false, errno
		default:
			return n, false, nil
		}
	}
}
