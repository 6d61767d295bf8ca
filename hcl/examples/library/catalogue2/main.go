// Command catalogue2 is the library's catalogue from 2.0 on: authors are
// records of their own, and an index finds their books. What changed since
// catalogue1 is in authors.go, books.go, and restructure.go, which makes the
// new data from the old.
package main

import (
	"context"
	"flag"
	"net/http"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// version is what is registered unless -version says otherwise.
const version = "2.0.0"

func main() {
	v := flag.String("version", version, "version to register as; a later one gets a folder of its own, too")
	data := flag.String("data", ".run/library/catalogue", "`folder` of the data, the same for all versions")
	pace := flag.Duration("pace", 2*time.Second, "how long a restructuring takes at least")
	flag.Parse()
	life(*v, *data, *pace).Main()
}

func life(version, data string, pace time.Duration) modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{
			Module: "catalogue", Version: version, Instance: "catalogue-" + version,
			Routes: routes(),
			// books is still 1.x: who uses it need not change.
			Provides: []modgate.Interface{{ID: "books", Version: "1.5"}, {ID: "authors", Version: "1.0"}},
		},
		// The books are in this process' memory: nobody else may write them.
		Update: true,
		Open: func(ctx context.Context, in *modgate.Instance) (http.Handler, error) {
			c, err := OpenCatalogue(ctx, data, version, pace, in)
			if err != nil {
				return nil, err
			}
			return c.Handler(), nil
		},
	}
}
