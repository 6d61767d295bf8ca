package lifecycle_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/modgate/modgate/core/lifecycle/lifecycletest"
)

// Long lives at random break no law: four instances, three versions, a policy
// that changes its mind. The number is the seed; a failing one becomes a story.
func TestLivesAtRandom(t *testing.T) {
	for seed := range uint64(200) {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], seed)
		life := make([]byte, 300)
		_, _ = rand.NewChaCha8(key).Read(life)
		if err := lifecycletest.Live(life); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
