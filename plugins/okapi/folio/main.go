// Folio is a module of FOLIO's kind, unmodified, to try an adapter with. Okapi,
// or what stands in its place, is told to it with each request.
package main

import (
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/modgate/modgate/plugins/okapi/foliotest"
)

func main() {
	m := &foliotest.Module{Data: &foliotest.Data{}}
	flag.StringVar(&m.ID, "id", "mod-loans-1.0.0", "product and version")
	flag.StringVar(&m.Path, "path", "/loans", "what it serves is below it")
	flag.StringVar(&m.Tenant, "tenant-interface", "2.0", "its version of the tenant interface: 1.0, 1.1, 1.2 or 2.0")
	flag.StringVar(&m.Data.File, "data", "", "file of the data that its versions share; without, each has its own in memory")
	flag.BoolVar(&m.Token, "token", false, "demand a token with each request")
	migration := flag.Duration("migration", 0, "how long an update of a tenant's data takes")
	ask := flag.String("ask", "", "path that it asks Okapi for meanwhile")
	warmUp := flag.Duration("warm-up", 0, "how long after its start it is not healthy yet")
	flag.Parse()
	if *migration > 0 || *ask != "" {
		m.Migrate = func(j *foliotest.Job) error { return migrate(j, *migration, *ask) }
	}
	if *warmUp > 0 {
		m.Health(http.StatusServiceUnavailable)
		time.AfterFunc(*warmUp, func() { m.Health(http.StatusOK) })
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), m))
}

// migrate asks in the middle of it.
func migrate(j *foliotest.Job, takes time.Duration, ask string) error {
	if err := j.Work(takes / 2); err != nil {
		return err
	}
	if ask != "" {
		body, err := j.Ask(ask)
		log.Printf("tenant %s: %s is answered %q, %v", j.Tenant, ask, body, err)
		if err != nil {
			return errors.Join(errors.New("ask during the migration"), err)
		}
	}
	return j.Work(takes / 2)
}
