package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/modgate/modgate/core/store"
)

const (
	racers = 8
	rounds = 20
)

func ofConcurrentSwapsOneWins(b *bench) {
	var last store.Revision
	for round := range rounds {
		var won [racers]store.Revision
		var race sync.WaitGroup
		for i := range racers {
			race.Go(func() {
				r, err := b.Swap("modules", "a", fmt.Appendf(nil, "%d by %d", round, i), last)
				if err != nil && !errors.Is(err, store.ErrConflict) {
					b.Errorf("Swap: %v", err)
				}
				won[i] = r
			})
		}
		race.Wait()
		winner := slices.IndexFunc(won[:], func(r store.Revision) bool { return r != 0 })
		if winner < 0 || slices.ContainsFunc(won[winner+1:], func(r store.Revision) bool { return r != 0 }) {
			b.Fatalf("round %d: revisions %v, want exactly one winner", round, won)
		}
		last = won[winner]
		b.wants("modules", store.Entry{Key: "a", Value: fmt.Appendf(nil, "%d by %d", round, winner), Revision: last})
	}
}

// Racers count up one record by load and swap: each acknowledged swap counts.
func noAcknowledgedSwapIsOverwrittenUnseen(b *bench) {
	b.swap("modules", "count", []byte("0"), 0)
	var race sync.WaitGroup
	for range racers {
		race.Go(func() {
			for range rounds {
				if err := countUp(b); err != nil {
					b.Errorf("count up: %v", err)
					return
				}
			}
		})
	}
	race.Wait()
	got, err := b.Load("modules")
	if err != nil || len(got) != 1 {
		b.Fatalf("Load: %d records, %v", len(got), err)
	}
	if want := strconv.Itoa(racers * rounds); string(got[0].Value) != want {
		b.Errorf("counted to %s, want %s", got[0].Value, want)
	}
}

func countUp(s store.Store) error {
	for {
		e, err := s.Load("modules")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(e[0].Value))
		if err != nil {
			return err
		}
		_, err = s.Swap("modules", "count", strconv.AppendInt(nil, int64(n+1), 10), e[0].Revision)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// The stupid version of an engine is a map.
func engineAgreesWithAMap(b *bench) {
	const seed1, seed2, steps = 2, 19, 400
	random := rand.New(rand.NewPCG(seed1, seed2))
	model := map[string]store.Entry{}
	for step := range steps {
		key := fmt.Sprintf("k%02d", random.IntN(20))
		was := model[key]
		var value []byte
		if random.IntN(4) > 0 {
			value = make([]byte, random.IntN(6000))
			value = fmt.Appendf(value[:0], "%*d", cap(value), step)
		}
		switch {
		case random.IntN(5) == 0:
			b.conflict("modules", key, value, was.Revision+1)
		case value == nil:
			b.swap("modules", key, nil, was.Revision)
			delete(model, key)
		default:
			model[key] = store.Entry{Key: key, Value: value, Revision: b.swap("modules", key, value, was.Revision)}
		}
		if step%100 == 99 {
			b.reopen()
		}
		if step%20 == 19 {
			b.wants("modules", inOrder(model)...)
		}
	}
}

func inOrder(model map[string]store.Entry) []store.Entry {
	var all []store.Entry
	for _, k := range slices.Sorted(maps.Keys(model)) {
		all = append(all, model[k])
	}
	return all
}
