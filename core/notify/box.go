package notify

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/modgate/modgate/core/message"
)

// box keeps the newest notice per subject of one instance, told or not: as
// many as the instance has subjects, however slow its reader.
type box struct {
	base    uint64   // below the first number that was given
	last    uint64   // number that was given last
	letters []letter // in order of their numbers
	calm    calm
	stream  *stream // nil: none is open
	hook    *hook   // nil: it has no webhook
}

// letter is a notice under its number, the id of its event.
type letter struct {
	number  uint64
	written bool // to a stream: it is told again only to who says that it did not get it
	message.Notice
}

// newBox returns an empty box. Its numbers begin anywhere, so that an id from
// before a restart of the gateway is not taken for one of these; they stay
// below 2^53, which any reader's number can hold.
func newBox() *box {
	base := rand.Uint64N(1 << 52)
	return &box{base: base, last: base}
}

// put keeps n in the place of the former notice about its subject, and
// reports whether there is something new to be told now: not if n is older,
// or has to wait.
func (b *box) put(n message.Notice, now time.Time) bool {
	i := slices.IndexFunc(b.letters, func(l letter) bool { return l.Subject == n.Subject })
	if i >= 0 && !newer(n, b.letters[i].Notice) || !b.calm.admits(n, now) {
		return false
	}
	if i >= 0 {
		b.letters = slices.Delete(b.letters, i, i+1)
	}
	b.last++
	b.letters = append(b.letters, letter{b.last, false, n})
	return true
}

// newer reports whether n is to replace was, which is about the same subject.
func newer(n, was message.Notice) bool {
	return was.Data.Module != n.Data.Module || was.Turn < n.Turn
}

// after returns a copy of the letters whose numbers are above the given one.
func (b *box) after(number uint64) []letter {
	i, _ := slices.BinarySearchFunc(b.letters, number+1, func(l letter, n uint64) int {
		return cmp.Compare(l.number, n)
	})
	return slices.Clone(b.letters[i:])
}

// drop forgets the letter of that number.
func (b *box) drop(number uint64) {
	b.letters = slices.DeleteFunc(b.letters, func(l letter) bool { return l.number == number })
}

// wrote notes that the letters were written to a stream.
func (b *box) wrote(letters []letter) {
	for _, l := range letters {
		for i := range b.letters {
			if b.letters[i].number == l.number {
				b.letters[i].written = true
			}
		}
	}
}

// known returns the number that a Last-Event-ID stands for, if this box gave
// it.
func (b *box) known(lastEventID string) (number uint64, ok bool) {
	number, err := strconv.ParseUint(lastEventID, 10, 64)
	return number, err == nil && number > b.base && number <= b.last
}
