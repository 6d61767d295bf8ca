package bolt

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modgate/modgate/core/store"
)

// victimFile names, in the environment of a child process, the store that it
// swaps in until it is killed.
const victimFile = "MODGATE_TEST_VICTIM_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimFile); path != "" {
		if err := fall(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// victimWriters swap at the same time, each its own record, so that some share
// a transaction.
const victimWriters = 3

// fall swaps as fast as it can, and says so on standard output after each
// swap that was acknowledged.
func fall(path string) error {
	f, err := Open(path, time.Minute)
	if err != nil {
		return err
	}
	entries, err := f.Load("modules")
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range victimWriters {
		key := "k" + strconv.Itoa(w)
		var last store.Revision
		for _, e := range entries {
			if e.Key == key {
				last = e.Revision
			}
		}
		go func() {
			for i := 0; ; i++ {
				value := fmt.Sprintf("%s after %d%s", key, last, strings.Repeat(".", i%9000))
				var err error
				if last, err = f.Swap("modules", key, []byte(value), last); err != nil {
					failed <- err
					return
				}
				fmt.Printf("%s %d\n", key, last)
			}
		}()
	}
	return <-failed
}

// G1: what was acknowledged before kill -9 is there, and what was not is
// there in whole or not at all.
func TestAcknowledgedRevisionSurvivesKill(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 3
	}
	path := filepath.Join(t.TempDir(), "state.db")
	acked := map[string]store.Revision{}
	for range kills {
		runUntilKilled(t, path, rand.IntN(120), acked)
		f := open(t, path)
		entries, err := f.Load("modules")
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]store.Revision{}
		ahead := 0
		for _, e := range entries {
			found[e.Key] = e.Revision
			if e.Revision > acked[e.Key] {
				ahead++
				acked[e.Key] = e.Revision
			}
			if !strings.HasPrefix(string(e.Value), e.Key+" after ") {
				t.Errorf("%s at %d is %.40q", e.Key, e.Revision, e.Value)
			}
		}
		for key, revision := range acked {
			if found[key] < revision {
				t.Errorf("%s is at %d, and %d was acknowledged", key, found[key], revision)
			}
		}
		if ahead > victimWriters {
			t.Errorf("%d records are ahead of what was acknowledged, want each writer's last swap at most", ahead)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runUntilKilled starts a victim, kills it once it has acknowledged that many
// swaps, and enters all that it acknowledged.
func runUntilKilled(t *testing.T, path string, swaps int, acked map[string]store.Revision) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		var key string
		var revision store.Revision
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &key, &revision); err != nil {
			t.Errorf("the victim said %q: %v", lines.Text(), err)
		}
		acked[key] = revision
		if n == swaps {
			cmd.Process.Kill() // go on reading: it may have acknowledged more
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the victim ended with %v, want: signal: killed", err)
	}
}
