package proxy

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/modgate/modgate/core/message"
)

// framedUpstream speaks HTTP/2 frame by frame: it answers each stream with what
// came after its body, "name=value" of each field, which net/http would drop
// where it was not announced.
func framedUpstream(t *testing.T) string {
	t.Helper()
	return accepting(t, tellTrailers)
}

func tellTrailers(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.CopyN(io.Discard, c, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	begun := make(map[uint32]bool)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		id, told := frame.Header().StreamID, ""
		h, isHead := frame.(*http2.MetaHeadersFrame)
		if isHead && begun[id] {
			for _, field := range h.RegularFields() {
				told += field.Name + "=" + field.Value + ";"
			}
		}
		begun[id] = begun[id] || isHead
		if id == 0 || !frame.Header().Flags.Has(http2.FlagDataEndStream) {
			continue // the flag's bit is the same of either frame
		}
		block.Reset()
		_ = fields.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		_ = fields.WriteField(hpack.HeaderField{Name: "x-trailers", Value: told})
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	}
}

// RFC 9110 6.5, 6.6.2: trailers may be announced, and need not be. Those that
// a trailer may not be are dropped, announced or not.
func TestTrailersThatNobodyAnnouncedReachAnH2Upstream(t *testing.T) {
	i := instance("a", "m", "1.0.0", framedUpstream(t))
	g := start(t)
	i.Protocol = message.H2C
	g.ready(g.module("m"), i)
	for name, c := range map[string]struct{ announced, trailers, want string }{
		"none announced": {"", "X-Sum: 1\r\nx-sum: 2\r\nHost: evil\r\nAuthorization: x\r\n", "x-sum=1;x-sum=2;"},
		"one announced":  {"Trailer: X-Sum\r\n", "X-Sum: 1\r\nX-More: 2\r\n", "x-more=2;x-sum=1;"},
		"forbidden one":  {"Trailer: Authorization\r\n", "Authorization: x\r\n", ""},
		"none at all":    {"", "", ""},
	} {
		_, r := g.raw("POST /m HTTP/1.1\r\nHost: a\r\n" + c.announced + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n" + c.trailers + "\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		told := strings.SplitAfter(resp.Header.Get("X-Trailers"), ";")
		if slices.Sort(told); strings.Join(told, "") != c.want {
			t.Errorf("%s: the upstream got %q, want %q", name, told, c.want)
		}
	}
	req, err := http.NewRequest("POST", "http://"+g.address+"/m", struct{ io.Reader }{strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Sum": {"42"}}
	resp, err := overH2(t, nil).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("X-Trailers"); got != "x-sum=42;" {
		t.Errorf("by HTTP/2 the upstream got %q", got)
	}
}
