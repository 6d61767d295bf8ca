package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/journal"
	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// Loan says who has which book.
type Loan struct {
	ID       string    `json:"id"`
	Member   string    `json:"member"`
	Book     string    `json:"book"`
	Title    string    `json:"title"` // as it was when the book was lent
	Lent     time.Time `json:"lent"`
	Returned time.Time `json:"returned,omitzero"`
}

// What may not be.
var (
	errLent     = errors.New("the book is lent already")
	errReturned = errors.New("there is no such loan, or the book is back already")
)

// Loans keeps all loans in memory, and in loans.jsonl: a line for each
// change, of which the last counts.
type Loans struct {
	instance *modgate.Instance
	fence    *modgate.Fence
	journal  *journal.Journal[Loan] // written behind fence

	mu   sync.RWMutex
	byID map[string]Loan   // guarded by mu
	ids  []string          // guarded by mu; in the order of lending
	lent map[string]string // guarded by mu; book to the loan that has it
}

// OpenLoans opens the data in folder, which the instance owns from now on.
func OpenLoans(ctx context.Context, folder string, in *modgate.Instance) (*Loans, error) {
	fence, err := modgate.NewFence(folder)
	if err != nil {
		return nil, err
	}
	l := &Loans{instance: in, fence: fence, byID: map[string]Loan{}, lent: map[string]string{}}
	err = in.Write(ctx, l.fence, func() error {
		j, all, err := journal.Open[Loan](filepath.Join(folder, "loans.jsonl"))
		if err != nil {
			return err
		}
		l.journal = j
		for _, loan := range all {
			l.keep(loan)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Lend stores a loan, unless the book is lent: then it returns errLent.
func (l *Loans) Lend(ctx context.Context, loan Loan) (Loan, error) {
	err := l.instance.Write(ctx, l.fence, func() error {
		l.mu.RLock()
		_, lent := l.lent[loan.Book]
		loan.ID = fmt.Sprintf("l%d", len(l.ids)+1)
		l.mu.RUnlock()
		if lent {
			return errLent
		}
		return l.store(loan)
	})
	return loan, err
}

// Return ends a loan at now; if there is none it returns errReturned.
func (l *Loans) Return(ctx context.Context, id string, now time.Time) (loan Loan, err error) {
	err = l.instance.Write(ctx, l.fence, func() error {
		l.mu.RLock()
		loan = l.byID[id]
		l.mu.RUnlock()
		if loan.ID == "" || !loan.Returned.IsZero() {
			return errReturned
		}
		loan.Returned = now
		return l.store(loan)
	})
	return loan, err
}

// store writes loan; the fence is held.
func (l *Loans) store(loan Loan) error {
	if err := l.journal.Append(loan); err != nil {
		return err
	}
	l.keep(loan)
	return nil
}

func (l *Loans) keep(loan Loan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.byID[loan.ID]; !known {
		l.ids = append(l.ids, loan.ID)
	}
	l.byID[loan.ID] = loan
	if loan.Returned.IsZero() {
		l.lent[loan.Book] = loan.ID
	} else {
		delete(l.lent, loan.Book)
	}
}

// Of returns member's loans in the order of lending; an empty member means
// everybody's.
func (l *Loans) Of(member string) []Loan {
	l.mu.RLock()
	defer l.mu.RUnlock()
	loans := []Loan{}
	for _, id := range l.ids {
		if loan := l.byID[id]; member == "" || loan.Member == member {
			loans = append(loans, loan)
		}
	}
	return loans
}
