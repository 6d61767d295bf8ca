package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modgate/modgate/core/message"
)

// answeredBy is the header in which an upstream names itself.
const answeredBy = "Answered-By"

// plays starts an upstream for each of the modules, by FOLIO's module id.
func plays(t *testing.T, p platform) map[string]string {
	t.Helper()
	origins := map[string]string{}
	for _, d := range p {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(answeredBy, d.ID) }))
		t.Cleanup(s.Close)
		origins[d.ID] = s.URL
	}
	return origins
}

// reply is what a request was answered.
type reply struct {
	status int
	by     string // the upstream, "" for the gateway itself
	waited time.Duration
	message.Problem
}

// ask sends a request, as the bearer of a token if there is one.
func ask(c *http.Client, method, url, token string) (reply, error) {
	req, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		req.Header.Set("Modgate-Token", token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, by: resp.Header.Get(answeredBy)}
	if err == nil && r.by == "" && method != http.MethodHead {
		err = json.Unmarshal(body, &r.Problem)
	}
	if _, after, ok := strings.Cut(resp.Header.Get("Modgate-Status"), "waited="); ok {
		fmt.Sscanf(after, "%d", &r.waited) //nolint:errcheck // then it did not wait
		r.waited *= time.Millisecond
	}
	return r, err
}

// newClient returns a client that keeps its connections.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// kept is a way that both releases have.
type kept struct {
	way
	heir string    // the module that has it in the end
	ids  [2]string // who may answer: until the heir is upgraded, and from then on
}

// load is clients that send requests without a pause, each of which must be
// answered by the module that it is for. Together they ask for one way after
// the other, so that none is left out.
type load struct {
	t      *testing.T
	client *http.Client
	origin string
	ways   []kept            // what they ask for
	by     map[string][]kept // the same by the module that has it in the end
	turn   atomic.Int64      // how many of ways were begun; they come again and again
	done   chan struct{}
	joined sync.WaitGroup

	focus    atomic.Value // the module that is upgraded now: every other request is for it
	upgraded sync.Map     // module -> true, once its older version must not answer any more

	answered, parked atomic.Int64
	longest          atomic.Int64 // wait
}

// clients is how many send requests at once.
const clients = 2

func (l *load) start() {
	l.by = map[string][]kept{}
	for _, w := range l.ways {
		l.by[w.heir] = append(l.by[w.heir], w)
	}
	l.focus.Store("")
	l.done = make(chan struct{})
	for range clients {
		l.joined.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.done:
					return
				default:
				}
				var w kept
				if hot := l.by[l.focus.Load().(string)]; n%2 == 0 && len(hot) > 0 {
					w = hot[rand.IntN(len(hot))]
				} else {
					w = l.ways[int(l.turn.Add(1)-1)%len(l.ways)]
				}
				if !l.one(w) {
					return
				}
			}
		})
	}
}

// rounds is how often each way was asked for, at least.
func (l *load) rounds() int64 { return (l.turn.Load() - clients) / int64(len(l.ways)) }

func (l *load) stop() {
	close(l.done)
	l.joined.Wait()
}

// one sends a request and reports whether it was answered as it must be.
func (l *load) one(w kept) bool {
	_, new := l.upgraded.Load(w.heir)
	r, err := ask(l.client, w.method, l.origin+w.request, "")
	if err != nil || r.status != http.StatusOK || r.by != w.ids[1] && (new || r.by != w.ids[0]) {
		l.t.Errorf("under load: %s (%s): %d by %q, %v; %+v", w.text, w.heir, r.status, r.by, err, r.Problem)
		return false
	}
	l.answered.Add(1)
	if r.waited > 0 {
		l.parked.Add(1)
		if d := int64(r.waited); d > l.longest.Load() {
			l.longest.Store(d)
		}
	}
	return true
}
