package proxy

import _ "unsafe" // for go:linkname

// processor returns which of the scheduler's processors, from 0, the goroutine
// is on. By the next line it may be on another: it is good for keeping apart
// what several do at once, and for nothing else.
func processor() uint32 {
	n := procPin()
	procUnpin()
	return uint32(n)
}

// Go keeps these two for who links to them (go.dev/issue/67401).

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
