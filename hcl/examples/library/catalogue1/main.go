// Command catalogue1 is the library's catalogue as it was in 1.x: one flat
// record per book, in one file. Its next generation is catalogue2.
package main

import (
	"context"
	"flag"
	"net/http"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// version is what is registered unless -version says otherwise.
const version = "1.4.0"

func main() {
	v := flag.String("version", version, "version to register as")
	data := flag.String("data", ".run/library/catalogue", "`folder` of the data, the same for all versions")
	flag.Parse()
	life(*v, *data).Main()
}

func life(version, data string) modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{
			Module: "catalogue", Version: version, Instance: "catalogue-" + version,
			Routes:   routes(),
			Provides: []modgate.Interface{{ID: "books", Version: "1.4"}},
		},
		// The books are in this process' memory: nobody else may write them.
		Update: true,
		Open: func(ctx context.Context, in *modgate.Instance) (http.Handler, error) {
			c, err := OpenCatalogue(ctx, data, in)
			if err != nil {
				return nil, err
			}
			return c.Handler(), nil
		},
	}
}
