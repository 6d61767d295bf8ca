package gateway

import (
	"context"
	"net/http"
	"testing"

	"github.com/modgate/modgate/core/config"
	"github.com/modgate/modgate/core/message"
)

// A6: a module's own bound refuses its requests, and nobody else's; a reload
// puts another in force.
func TestModuleParksWithinItsOwnBounds(t *testing.T) {
	cfg := testConfig(child{t.TempDir(), anyPort, anyPort})
	books, films := cfg.Module("books"), cfg.Module("films")
	books.Paths, films.Paths = []string{"/books/{id}"}, []string{"/films/{id}"}
	books.Parking.PerModule = 1
	cfg.Modules = []config.Module{books, films}
	r := startWith(t, cfg)
	answers := make(chan string, 4)
	park := func(module string, count int) {
		t.Helper()
		go func() {
			_, body, _ := r.get("/" + module + "/1")
			answers <- body
		}()
		r.until("a request waits for "+module, func() bool { n, _ := r.parked(module); return n == count })
	}
	park("books", 1)
	if status, _, head := r.get("/books/2"); status != http.StatusServiceUnavailable || head.Get("Proxy-Status") != `modgate; error=connection_limit_reached; details="overflow"` {
		t.Errorf("beyond the module's own bound: %d %v", status, head)
	}
	park("films", 1)
	park("films", 2)

	next := *r.config
	books.Parking.PerModule = 2
	next.Modules = []config.Module{books, films}
	r.o.Reload = func() (*config.Config, any) { return &next, nil }
	if wrong, changed, err := r.Reload(context.Background()); wrong != nil || !changed || err != nil {
		t.Fatalf("reload: %v %v %v", wrong, changed, err)
	}
	park("books", 2)
	r.register("books", "1.0.0", says(t, "a book")).say(message.Resume)
	r.register("films", "1.0.0", says(t, "a film")).say(message.Resume)
	got := map[string]int{}
	for range 4 {
		got[<-answers]++
	}
	if got["a book"] != 2 || got["a film"] != 2 {
		t.Errorf("parked requests got %v", got)
	}
}
