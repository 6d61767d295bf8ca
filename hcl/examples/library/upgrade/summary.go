package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// summary is what the clients noticed.
type summary struct {
	sent, answered, parked int
	longest                time.Duration
	failed                 []error
}

func (l *load) summary() summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := summary{sent: len(l.results)}
	for _, r := range l.results {
		s.longest = max(s.longest, r.took)
		if r.parked {
			s.parked++
		}
		if r.err != nil {
			s.failed = append(s.failed, r.err)
		} else {
			s.answered++
		}
	}
	return s
}

// verification is what the library holds afterwards of what was written.
type verification struct {
	books, loans int      // that were acknowledged
	wrong        []string // lost, doubled, or never asked for
}

// verify reads all books and loans and compares them with what was
// acknowledged. A write that failed may be there, once.
func (l *load) verify(ctx context.Context) (verification, error) {
	titles, err := l.titles(ctx)
	if err != nil {
		return verification{}, err
	}
	loans, err := l.lent(ctx)
	if err != nil {
		return verification{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := verification{books: len(l.written), loans: len(l.loans)}
	for title := range l.written {
		if n := titles[title]; n != 1 {
			v.wrong = append(v.wrong, fmt.Sprintf("book %q is there %d times", title, n))
		}
	}
	for title, n := range titles {
		if _, ok := l.written[title]; !ok && (n != 1 || !l.unsure[title]) {
			v.wrong = append(v.wrong, fmt.Sprintf("book %q was not acknowledged and is there %d times", title, n))
		}
	}
	for id := range l.loans {
		if n := loans[id]; n != 1 {
			v.wrong = append(v.wrong, fmt.Sprintf("loan %s is there %d times", id, n))
		}
	}
	slices.Sort(v.wrong)
	return v, nil
}

// titles counts the titles of this run in the catalogue.
func (l *load) titles(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for change := uint64(0); ; {
		var page struct {
			Books []struct {
				Title  string
				Change uint64
			}
		}
		path := fmt.Sprintf("/catalogue/books?after=%d", change)
		if _, err := l.exchange(ctx, http.MethodGet, path, nil, 0, http.StatusOK, &page); err != nil {
			return nil, err
		}
		if len(page.Books) == 0 {
			return counts, nil
		}
		for _, b := range page.Books {
			change = b.Change
			if strings.HasPrefix(b.Title, l.mark) {
				counts[b.Title]++
			}
		}
	}
}

// lent counts the loans by id.
func (l *load) lent(ctx context.Context) (map[string]int, error) {
	var all struct{ Loans []struct{ ID string } }
	if _, err := l.exchange(ctx, http.MethodGet, "/loans?member=m1", nil, 0, http.StatusOK, &all); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, loan := range all.Loans {
		counts[loan.ID]++
	}
	return counts, nil
}

// shown is how many failures are printed.
const shown = 5

func (s summary) print(out io.Writer, v verification) {
	fmt.Fprintf(out, `
  sent      %6d requests
  answered  %6d
  parked    %6d of these: held while the catalogue was away
  longest   %6.2f s
  failed    %6d

  written   %6d books and %d loans; %d lost, doubled or never asked for
`, s.sent, s.answered, s.parked, s.longest.Seconds(), len(s.failed), v.books, v.loans, len(v.wrong))
	for _, err := range s.failed[:min(shown, len(s.failed))] {
		fmt.Fprintf(out, "  failed: %v\n", err)
	}
	for _, text := range v.wrong[:min(shown, len(v.wrong))] {
		fmt.Fprintf(out, "  wrong: %s\n", text)
	}
}

// verdict returns what was wrong, if anything was.
func (s summary) verdict(v verification) error {
	var errs []error
	if len(s.failed) > 0 {
		errs = append(errs, fmt.Errorf("%d of %d requests failed", len(s.failed), s.sent))
	}
	if len(v.wrong) > 0 {
		errs = append(errs, fmt.Errorf("%d writes are wrong", len(v.wrong)))
	}
	return errors.Join(errs...)
}
