package route

import (
	"testing"
	"time"
)

func TestTwoRefusalsPutAnInstanceOut(t *testing.T) { // L6
	i := NewInstance("a", "m", "1.0.0", "http://h", nil)
	now := time.Unix(1000, 0)
	steps := []struct {
		after time.Duration
		out   bool
	}{{0, false}, {50 * time.Millisecond, false}, {100 * time.Millisecond, true}, {200 * time.Millisecond, false}}
	for _, s := range steps {
		if got := i.Refuse(now.Add(s.after)); got != s.out {
			t.Errorf("refused after %v: out %v, want %v", s.after, got, s.out)
		}
	}
	i.Reached()
	if i.Refuse(now.Add(time.Second)) {
		t.Error("out by the first refusal after a connection was made")
	}
}
