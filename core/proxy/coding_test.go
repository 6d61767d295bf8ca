package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// RFC 9112 6.1, 7.2: what the body is coded by, beside chunks, is told to the
// module as Content-Encoding has it, and both connections end.
func TestTransferCodingsBecomeContentCodings(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"one":              {"Transfer-Encoding: gzip, chunked\r\n", "gzip"},
		"in several lines": {"Transfer-Encoding: gzip\r\ntransfer-encoding: Deflate , identity\r\nTransfer-Encoding: x-compress,\tchunked\r\n", "gzip, Deflate, x-compress"},
		"with parameters":  {"Transfer-Encoding: x-gzip ; ; q=1\r\nTransfer-Encoding: chunked;a;\r\n", "x-gzip"},
		"parameters alone": {"Transfer-Encoding: chunked ; q = 1\r\n", ""},
		"after another":    {"Content-Encoding: br\r\nTransfer-Encoding: gzip, CHUNKED\r\n", "br|gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			g, r := theatre(t)
			_, answers := g.raw("POST / HTTP/1.1\r\nHost: a\r\n" + c.lines + "\r\n5\r\nhello\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
			resp, err := http.ReadResponse(answers, nil)
			if err != nil || resp.StatusCode != 200 || !resp.Close {
				t.Fatalf("answer = %v, %v; want 200 and the connection closed", resp, err)
			}
			got := r.seen(t, name)
			if len(got) != 1 || got[0].body != "hello" || !got[0].chunked {
				t.Fatalf("the upstream got %+v", got)
			}
			if codings := strings.Join(got[0].get("content-encoding"), "|"); codings != c.want {
				t.Errorf("content codings = %q, want %q", codings, c.want)
			}
			eventually(t, "the upstream's connection ends", func() bool { return r.open.Load() == 0 })
		})
	}
}
