// Command loans is who has which book. It requires the catalogue and the
// members; while one of them is away it holds its users' requests, and when
// one stays away it messages the administrators.
package main

import (
	"context"
	"flag"
	"net/http"
	"sync"
	"time"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// version is what is registered unless -version says otherwise.
const version = "1.0.0"

func main() {
	v := flag.String("version", version, "version to register as")
	data := flag.String("data", ".run/library/loans", "`folder` of the data, the same for all versions")
	after := flag.Duration("alarm", 30*time.Second, "how long a requirement may be missing before administrators are told")
	flag.Parse()
	life(*v, *data, *after).Main()
}

func life(version, data string, after time.Duration) modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{
			Module: "loans", Version: version, Instance: "loans-" + version,
			Routes: []modgate.Route{
				{Methods: []string{"GET", "POST"}, Path: "/loans"},
				{Methods: []string{"POST"}, Path: "/loans/{id}/return"},
			},
			// An open range: 2.x will do, too. A bare "1.4" would end before it.
			Requires: []modgate.Requirement{
				{ID: "catalogue", Kind: "module", Range: ">= 1.4"},
				{ID: "members", Kind: "module", Range: ">= 1.0"},
			},
			OnDelay: modgate.OnDelayPark,
		},
		// The loans are in this process' memory: nobody else may write them.
		Update: true,
		Open: func(ctx context.Context, in *modgate.Instance) (http.Handler, error) {
			l, err := OpenLoans(ctx, data, in)
			if err != nil {
				return nil, err
			}
			return l.Handler(), nil
		},
		Beside: func(ctx context.Context, in *modgate.Instance) {
			var alarms sync.WaitGroup
			for _, id := range []string{"catalogue", "members"} {
				a := alarm{requirement: id, after: after, send: in.Alert}
				alarms.Go(func() { a.watch(ctx, in.Requirements) })
			}
			alarms.Wait()
		},
	}
}
