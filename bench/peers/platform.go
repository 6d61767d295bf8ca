package main

import (
	"fmt"

	"github.com/modgate/modgate/core/message"
	"github.com/modgate/modgate/core/module"
)

// The platform is about the size of FOLIO's: what its backend modules of one
// release declare.
const (
	moduleCount = 150
	routeCount  = 2200

	caller = moduleCount - 1 // whose token and run the requests bear
	target = caller / 2      // which it requires, and asks
)

func moduleName(i int) string { return fmt.Sprintf("mod-%03d", i) }

// interfaceName is what module i provides.
func interfaceName(i int) string { return fmt.Sprintf("storage-%03d", i) }

var resources = []string{"items", "loans", "holdings-records", "service-points", "custom-fields"}

// listPath is a path of module i to which is posted.
func listPath(i int) string { return fmt.Sprintf("/%s/%s", moduleName(i), resources[1]) }

// itemPath is one of which the last segment is a parameter of the route.
func itemPath(i, n int) string {
	return fmt.Sprintf("%s/69640328-788e-43fc-9c3c-%012d", listPath(i), n)
}

// registration is how module i registers, one instance at upstream. It asks
// only for interfaces of modules that registered before it.
func registration(i int, upstream string) message.Registration {
	r := message.Registration{
		Module: moduleName(i), Version: module.MustVersion("2.1.0"), Instance: moduleName(i) + "-a", Upstream: "http://" + upstream,
		Provides: []module.Interface{{ID: interfaceName(i), Version: "1.3"}},
		Lease:    message.Duration(longest + longest/4),
	}
	for _, resource := range resources {
		list := "/" + moduleName(i) + "/" + resource
		r.Routes = append(
			r.Routes,
			message.Route{Methods: []string{"GET", "POST"}, Path: list, Interface: interfaceName(i)},
			message.Route{Methods: []string{"GET", "PUT", "DELETE"}, Path: list + "/{id}", Interface: interfaceName(i)},
			message.Route{Methods: []string{"GET"}, Path: list + "/{id}/history", Interface: interfaceName(i)},
		)
	}
	if i%3 == 0 { // 15 routes a module are 50 too many
		r.Routes = r.Routes[:len(r.Routes)-1]
	}
	for n := i / 2; n < i && len(r.Requires) < 4; n += i/8 + 1 {
		r.Requires = append(r.Requires, module.Requirement{ID: interfaceName(n), Range: "1.2"})
	}
	return r
}
