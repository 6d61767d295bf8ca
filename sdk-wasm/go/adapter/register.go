//go:build !wasip1

package adapter

// Register says what the adapter does. Call it once, in init. Not built for
// WebAssembly it does nothing: tests give the Adapter to adaptertest.New.
func Register(Adapter) {}
