package lifecycle_test

import (
	"testing"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

// No life, however unlikely, breaks a law.
func FuzzStep(f *testing.F) {
	lengths := []byte{30, 31, 20, 10, 5, 9, 0}
	f.Add(append(lengths, 0, 0, 0, 4, 0, 0, 0, 5, 0, 2, 1, 1, 7, 0, 2, 4, 1, 0))
	f.Add(append(lengths, 15, 1, 44, 0, 0, 0, 2, 0, 3, 13, 0, 5, 9, 0, 0, 0, 0, 0, 4, 0, 3))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 600 {
			t.Skip("longer lives show nothing more")
		}
		if err := lifecycletest.Live(bytes); err != nil {
			t.Error(err)
		}
	})
}
