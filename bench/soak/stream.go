package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modgate/modgate/bench/gateway"
)

// soak is a gateway, and the module behind it.
type soak struct {
	*gateway.Gateway
	size int64

	upstream net.Listener
	server   *http.Server
	mu       sync.Mutex
	sums     map[string]uint32            // of uploads that are whole, by path
	moved    atomic.Pointer[atomic.Int64] // bytes that the upstream read, or wrote, of the slow stream that is watched
}

// way is one kind of stream.
type way struct {
	name    string
	up      bool
	chunked bool // its length is not said
}

var ways = []way{
	{"up, length known", true, false},
	{"up, chunked", true, true},
	{"down, length known", false, false},
	{"down, chunked", false, true},
}

var table = crc32.MakeTable(crc32.Castagnoli)

// pattern makes the bytes of a stream, which differ from place to place.
type pattern struct {
	left, at int64
	sum      uint32
	count    *atomic.Int64
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.left, 256<<10))
	for i := 0; i < n; i += 64 {
		b[i] = byte((p.at + int64(i)) >> 6)
	}
	p.left, p.at = p.left-int64(n), p.at+int64(n)
	p.sum = crc32.Update(p.sum, table, b[:n])
	if p.count != nil {
		p.count.Add(int64(n))
	}
	return n, nil
}

// drain reads to the end, slowly if pause is not 0, and sums.
func drain(ctx context.Context, r io.Reader, pause time.Duration, count *atomic.Int64) (n int64, sum uint32, err error) {
	b := make([]byte, 256<<10)
	for {
		m, err := r.Read(b)
		n, sum = n+int64(m), crc32.Update(sum, table, b[:m])
		if count != nil {
			count.Add(int64(m))
		}
		if errors.Is(err, io.EOF) {
			return n, sum, nil
		}
		if err != nil {
			return n, sum, err
		}
		if pause > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return n, sum, ctx.Err()
			}
		}
	}
}

func (s *soak) listen() (err error) {
	s.sums = map[string]uint32{}
	if s.upstream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	go s.server.Serve(s.upstream) //nolint:errcheck // it ends by Close
	return nil
}

func (s *soak) close() { s.server.Close() } //nolint:errcheck // its listener is closed all the same

// serve answers GET with a stream of ?size bytes, and takes POST; ?pause
// makes it read slowly.
func (s *soak) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	pause, _ := time.ParseDuration(q.Get("pause")) // none: 0
	if r.Method == http.MethodPost {
		var count *atomic.Int64
		if pause > 0 {
			count = s.moved.Load()
		}
		n, sum, err := drain(r.Context(), r.Body, pause, count)
		if err != nil {
			return // the client has gone
		}
		fmt.Fprintf(w, "%d %d", n, sum)
		return
	}
	size, err := strconv.ParseInt(q.Get("size"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if q.Get("chunked") == "" {
		w.Header().Set("Content-Length", q.Get("size"))
	}
	p := &pattern{left: size}
	if q.Get("slow") != "" {
		p.count = s.moved.Load()
	}
	if _, err := io.CopyBuffer(onlyWriter{w}, p, make([]byte, 256<<10)); err != nil {
		return // the client has gone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sums[r.URL.String()] = p.sum
}

// onlyWriter hides ReadFrom, so that the buffer is ours.
type onlyWriter struct{ io.Writer }

// stream sends size bytes a way, and holds what arrived against them.
func (s *soak) stream(ctx context.Context, w way, size int64) error {
	if w.up {
		return s.upload(ctx, w, size)
	}
	target := fmt.Sprintf("/files/%d?size=%d", time.Now().UnixNano(), size)
	if w.chunked {
		target += "&chunked=1"
	}
	resp, err := s.ask(ctx, http.MethodGet, target, nil, 0)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, sum, err := drain(ctx, resp.Body, 0, nil)
	if err != nil {
		return fmt.Errorf("after %d bytes: %w", n, err)
	}
	s.mu.Lock()
	want, whole := s.sums[target]
	s.mu.Unlock()
	if n != size || !whole || sum != want {
		return fmt.Errorf("%d bytes of %d arrived, sum %x, want %x", n, size, sum, want)
	}
	return nil
}

func (s *soak) upload(ctx context.Context, w way, size int64) error {
	p := &pattern{left: size}
	length := size
	if w.chunked {
		length = -1
	}
	resp, err := s.ask(ctx, http.MethodPost, "/files/up", p, length)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d %d", size, p.sum); string(said) != want {
		return fmt.Errorf("the module read %q, want %q", said, want)
	}
	return nil
}

// stall lets one side read slowly for a while, and returns how many bytes the
// other has written more than that.
func (s *soak) stall(ctx context.Context, w way, d time.Duration) (ahead int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var moved, sent, got atomic.Int64
	s.moved.Store(&moved)
	if w.up {
		length := s.size
		if w.chunked {
			length = -1
		}
		resp, err := s.ask(ctx, http.MethodPost, "/files/slow?pause=20ms", &pattern{left: s.size, count: &sent}, length)
		if err == nil {
			resp.Body.Close()
			return 0, errors.New("a slow upload is done already")
		}
		if ctx.Err() == nil {
			return 0, err
		}
		return sent.Load() - moved.Load(), nil
	}
	target := fmt.Sprintf("/files/slow?slow=1&size=%d", s.size)
	if w.chunked {
		target += "&chunked=1"
	}
	resp, err := s.ask(ctx, http.MethodGet, target, nil, 0)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, _, err := drain(ctx, resp.Body, 20*time.Millisecond, &got); err == nil || ctx.Err() == nil {
		return 0, fmt.Errorf("a slow download is done already: %w", err)
	}
	return moved.Load() - got.Load(), nil
}

// ask sends a request through the gateway, on a connection of its own.
func (s *soak) ask(ctx context.Context, method, target string, body io.Reader, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.Data+target, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, WriteBufferSize: 256 << 10, ReadBufferSize: 256 << 10}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // the status says enough
		return nil, fmt.Errorf("%s %s: %s %s", method, target, resp.Status, text)
	}
	return resp, nil
}
