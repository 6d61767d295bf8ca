// Command members is who may borrow books from the library. It requires
// nobody: the plainest module there is.
package main

import (
	"context"
	"flag"
	"net/http"

	"github.com/modgate/modgate/hcl/examples/library/modgate"
)

// version is what is registered unless -version says otherwise.
const version = "1.0.0"

func main() {
	v := flag.String("version", version, "version to register as")
	data := flag.String("data", ".run/library/members", "`folder` of the data, the same for all versions")
	flag.Parse()
	life(*v, *data).Main()
}

func life(version, data string) modgate.Life {
	return modgate.Life{
		Registration: modgate.Registration{
			Module: "members", Version: version, Instance: "members-" + version,
			Routes: []modgate.Route{
				{Methods: []string{"GET", "POST"}, Path: "/members"},
				{Methods: []string{"GET"}, Path: "/members/{id}"},
			},
		},
		// The members are in this process' memory: nobody else may write them.
		Update: true,
		Open: func(ctx context.Context, in *modgate.Instance) (http.Handler, error) {
			m, err := OpenMembers(ctx, data, in)
			if err != nil {
				return nil, err
			}
			return m.Handler(), nil
		},
	}
}
