// Plain is a program that knows nothing of the gateway: it answers for the
// things of one module, says whether it is healthy, and asks others at the
// origin that it was given. Nothing in it is about versions, leases or updates.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	name := flag.String("name", "notes", "of the module: it serves /NAME/...")
	version := flag.String("version", "1.0.0", "that it answers with")
	warmUp := flag.Duration("warm-up", 0, "how long after its start it is not healthy yet")
	flag.Parse()
	p := &plain{name: *name, version: *version, others: os.Getenv("MODGATE_DATA"), healthy: time.Now().Add(*warmUp)}
	http.HandleFunc("GET /admin/health", p.health)
	http.HandleFunc("GET /"+*name+"/{thing}", p.thing)
	http.HandleFunc("GET /"+*name+"/{thing}/from/{other}", p.from)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

type plain struct {
	name, version string
	others        string // origin at which it finds other modules
	healthy       time.Time
}

func (p *plain) health(w http.ResponseWriter, _ *http.Request) {
	if time.Now().Before(p.healthy) {
		http.Error(w, "warming up", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "OK")
}

func (p *plain) thing(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s: %s\n", p.name, p.version, r.PathValue("thing"))
}

// from answers with what another module says of the thing. Like many programs
// it passes on the id of the request that it serves.
func (p *plain) from(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, p.others+"/"+r.PathValue("other")+"/"+r.PathValue("thing"), http.NoBody)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.Header.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	fmt.Fprintf(w, "%s %s asks: ", p.name, p.version)
	if _, err := io.Copy(w, resp.Body); err != nil {
		log.Print(err)
	}
}
