// The guest of BenchmarkFloor: what the bench guest does, less what it is for.
// Its host's functions do nothing.
package main

func main() {}

//go:wasmimport floor nothing
//go:noescape
func nothing(a, b, c, d, e uint32)

//go:wasmexport calls0
func calls0() uint64 { return 1 }

//go:wasmexport calls4
func calls4() uint64 {
	for range 4 {
		nothing(1, 2, 3, 4, 5)
	}
	return 1
}

//go:wasmexport calls6
func calls6() uint64 {
	for range 6 {
		nothing(1, 2, 3, 4, 5)
	}
	return 1
}
