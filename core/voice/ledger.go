package voice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/store"
)

const (
	ledgerSpace = "declared"
	ledgerKey   = "instances"
)

// ledger is what the store knows of declared instances, so that whoever is
// declared no longer says DISCONNECT, also if it vanished while the gateway
// was down (C1).
type ledger struct {
	store    store.Store
	revision store.Revision
	saved    map[string]string // hash of what each said, by instance id; "" while it changes or leaves
}

func openLedger(s store.Store) (ledger, error) {
	l := ledger{store: s, saved: map[string]string{}}
	entries, err := s.Load(ledgerSpace)
	if err != nil {
		return l, fmt.Errorf("load what was declared: %w", err)
	}
	for _, e := range entries { // one
		l.revision = e.Revision
		if err := json.Unmarshal(e.Value, &l.saved); err != nil {
			return l, fmt.Errorf("load what was declared: %w", err)
		}
	}
	return l, nil
}

// save writes which instances are declared.
func (l *ledger) save(next map[string]string) error {
	if maps.Equal(next, l.saved) {
		return nil
	}
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("save what is declared: %w", err)
	}
	revision, err := l.store.Swap(ledgerSpace, ledgerKey, text, l.revision)
	if err != nil {
		return fmt.Errorf("save what is declared: %w", err)
	}
	l.saved, l.revision = next, revision
	return nil
}

// hashOf tells what instances say of themselves from each other.
func hashOf(d config.Declared) string {
	said := []any{d.Registration, d.RunHeader}
	if d.Egress != "" {
		said = append(said, d.Egress)
	}
	text, _ := json.Marshal(said) // of texts and numbers: cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
