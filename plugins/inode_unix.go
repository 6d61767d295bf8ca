//go:build unix

package plugins

import (
	"os"
	"syscall"
)

// inode tells a file from another that was renamed into its place.
func inode(info os.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Ino)
	}
	return 0
}
