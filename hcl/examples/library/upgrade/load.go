package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// load is what the clients send, and what came of it.
type load struct {
	options
	http *http.Client
	mark string // begins the titles of this run's books

	mu      sync.Mutex
	results []result        // guarded by mu
	written map[string]book // guarded by mu; acknowledged, by title
	unsure  map[string]bool // guarded by mu; titles of writes that failed: there or not
	loans   map[string]bool // guarded by mu; acknowledged, by id
}

// book is what the library answers of a book, in 1.x and in 2.x.
type book struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Author string `json:"author"`
}

// result is what came of one request.
type result struct {
	took   time.Duration
	parked bool  // the gateway held it: Modgate-Status: resume
	err    error // no answer, or not the right one
}

func newLoad(o options, web *http.Client) *load {
	return &load{
		options: o, http: web, mark: fmt.Sprintf("Upgrade %d", time.Now().UnixNano()),
		written: map[string]book{}, unsure: map[string]bool{}, loans: map[string]bool{},
	}
}

// start starts the clients. They send until ctx ends; what it returns is
// closed when the last answer is there.
func (l *load) start(ctx context.Context) <-chan struct{} {
	var clients sync.WaitGroup
	for i := range l.clients {
		c := client{load: l, number: i}
		clients.Go(func() { c.run(ctx) })
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	return done
}

// client sends one request after the other. It is used by one goroutine.
type client struct {
	*load
	number int
	books  []book // its own, acknowledged
	free   []book // of these, not lent yet
}

// run sends at the client's share of the rate until ctx ends; requests on
// their way are not broken off.
func (c *client) run(ctx context.Context) {
	period := time.Duration(c.clients) * time.Second / time.Duration(c.rate)
	// Clients begin one after the other, not all at once.
	if pause(ctx, period*time.Duration(c.number)/time.Duration(c.clients)) != nil {
		return
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	unbroken := context.WithoutCancel(ctx)
	for n := 0; ; n++ {
		c.one(unbroken, n)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// one sends the n-th request: of ten, two write a book, one lends it, and
// seven read.
func (c *client) one(ctx context.Context, n int) {
	switch {
	case n%5 == 0:
		c.write(ctx, n)
	case n%10 == 3 && len(c.free) > 0:
		c.lend(ctx)
	case len(c.books) > 0:
		c.read(ctx, n)
	}
}

// write adds a book. The first client is slow: half a second lies between the
// halves of what it sends, so that some run is in flight at any moment.
func (c *client) write(ctx context.Context, n int) {
	want := book{Title: fmt.Sprintf("%s %d-%d", c.mark, c.number, n), Author: fmt.Sprintf("Client %d; Number %d", c.number, n%3)}
	text, err := json.Marshal(map[string]any{"title": want.Title, "author": want.Author})
	if err != nil {
		c.note(result{err: err})
		return
	}
	var body io.Reader = bytes.NewReader(text)
	if c.number == 0 {
		half := len(text) / 2
		body = io.MultiReader(bytes.NewReader(text[:half]), &late{after: 500 * time.Millisecond}, bytes.NewReader(text[half:]))
	}
	var got book
	err = c.send(ctx, http.MethodPost, "/catalogue/books", body, int64(len(text)), http.StatusCreated, &got, func() error {
		if got.ID == "" || got.Title != want.Title || got.Author != want.Author {
			return fmt.Errorf("wrote %+v, the answer is %+v", want, got)
		}
		return nil
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.unsure[want.Title] = true
		return
	}
	c.written[got.Title] = got
	c.books, c.free = append(c.books, got), append(c.free, got)
}

// read reads one of the client's own books: what was acknowledged is there,
// before, during and after the upgrade.
func (c *client) read(ctx context.Context, n int) {
	want := c.books[n%len(c.books)]
	var got book
	_ = c.send(ctx, http.MethodGet, "/catalogue/books/"+want.ID, nil, 0, http.StatusOK, &got, func() error {
		if got != want {
			return fmt.Errorf("read %+v, want %+v", got, want)
		}
		return nil
	})
}

// lend lends one of the client's books: loans asks the catalogue in turn.
func (c *client) lend(ctx context.Context) {
	b := c.free[0]
	c.free = c.free[1:]
	text := fmt.Sprintf(`{"member":"m1","book":%q}`, b.ID)
	var got struct{ ID, Book, Title string }
	err := c.send(ctx, http.MethodPost, "/loans", strings.NewReader(text), int64(len(text)), http.StatusCreated, &got, func() error {
		if got.Book != b.ID || got.Title != b.Title {
			return fmt.Errorf("lent %+v, the answer is %+v", b, got)
		}
		return nil
	})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.loans[got.ID] = true
	}
}

// send sends one request, notes what came of it, and returns what was wrong.
func (c *client) send(ctx context.Context, method, path string, body io.Reader, size int64, want int, answer any, check func() error) error {
	begun := time.Now()
	r := result{}
	r.parked, r.err = c.exchange(ctx, method, path, body, size, want, answer)
	r.took = time.Since(begun)
	if r.err == nil {
		r.err = check()
	}
	if r.err != nil {
		r.err = fmt.Errorf("%s %s: %w", method, path, r.err)
	}
	c.note(r)
	return r.err
}

func (l *load) note(r result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, r)
}

// exchange sends one request and decodes the answer, which must have the
// status want. It reports whether the gateway had parked it.
func (l *load) exchange(ctx context.Context, method, path string, body io.Reader, size int64, want int, answer any) (parked bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, l.data+path, body)
	if err != nil {
		return false, err
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return false, err
	}
	parked = strings.HasPrefix(resp.Header.Get("Modgate-Status"), "resume")
	if resp.StatusCode != want {
		return parked, fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(text[:min(len(text), 300)]))
	}
	return parked, json.Unmarshal(text, answer)
}

// late is an empty part of a body that takes its time.
type late struct{ after time.Duration }

func (l *late) Read([]byte) (int, error) {
	time.Sleep(l.after)
	return 0, io.EOF
}
