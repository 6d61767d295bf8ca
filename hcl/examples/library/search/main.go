// Command search finds books by words. It requires the catalogue's interface
// "books", whichever version of the catalogue provides it, and asks the
// gateway to say DELAY at once: a user who searches would rather be told.
package main

import (
	"context"
	"flag"
	"net/http"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
	"github.com/modgate/modgate/hcl/examples/library/reply"
)

// version is what is registered unless -version says otherwise.
const version = "1.0.0"

func main() {
	v := flag.String("version", version, "version to register as")
	data := flag.String("data", ".run/library/search", "`folder` of the data, the same for all versions")
	flag.Parse()
	life(*v, *data).Main()
}

func life(version, data string) modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{
			Module: "search", Version: version, Instance: "search-" + version,
			Routes:   []modgate.Route{{Methods: []string{"GET"}, Path: "/search"}},
			Requires: []modgate.Requirement{{ID: "books", Kind: "interface", Range: "1.4"}},
			OnDelay:  modgate.OnDelayReply,
		},
		// No UPDATE: versions do not share their index.
		Open: func(ctx context.Context, in *modgate.Instance) (http.Handler, error) {
			x, err := OpenIndex(ctx, data, in)
			if err != nil {
				return nil, err
			}
			return x.Handler(), nil
		},
	}
}

// resultsMax is how many results one answer may hold.
const resultsMax = 50

// Handler serves GET /search?q=WORDS.
func (x *Index) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) {
		err := x.CatchUp(r.Context())
		if p, ok := away(err); ok {
			reply.Away(w, p.RetryAfter, "Service not available")
			return
		}
		if err != nil {
			reply.Error(w, err)
			return
		}
		reply.JSON(w, http.StatusOK, map[string]any{"books": x.Find(r.FormValue("q"), resultsMax)})
	})
	return mux
}
