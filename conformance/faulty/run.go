package faulty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"

	"github.com/modgate/modgate/conformance/script"
	"github.com/modgate/modgate/conformance/suite"
)

// Caught says whether the case of a variant fails before it, and passes
// before a front that changes nothing.
type Caught struct {
	Variant
	Honest suite.Result // before the front that changes nothing
	Broken suite.Result
}

// Well reports that the case does what it should.
func (c Caught) Well() bool {
	return c.Honest.Outcome == suite.Passed && c.Broken.Outcome == suite.Failed
}

// Run plays the case of each variant twice, o.Parallel variants at once.
func Run(ctx context.Context, cases []*script.Case, variants []Variant, o suite.Options) ([]Caught, error) {
	out := make([]Caught, len(variants))
	errs := make([]error, len(variants))
	places := make(chan struct{}, max(1, o.Parallel))
	var running sync.WaitGroup
	for i, v := range variants {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			out[i], errs[i] = v.try(ctx, cases, o)
		})
	}
	running.Wait()
	return out, errors.Join(errs...)
}

func (v Variant) try(ctx context.Context, cases []*script.Case, o suite.Options) (Caught, error) {
	o.Match = regexp.MustCompile("^" + regexp.QuoteMeta(v.Case) + "$")
	o.Parallel, o.Progress = 1, nil
	c := Caught{Variant: v}
	for _, play := range []struct {
		front  Variant
		result *suite.Result
	}{{Variant{upstream: v.seen()}, &c.Honest}, {v, &c.Broken}} {
		o.Front = play.front.Open
		results, err := suite.Run(ctx, cases, o)
		if err != nil {
			return c, fmt.Errorf("%s: %s: %w", v.Name, v.Case, err)
		}
		*play.result = results[0]
	}
	return c, nil
}

// seen is the upstream hook that changes nothing, where the variant has one.
func (v Variant) seen() hook {
	if v.upstream.request == nil {
		return hook{}
	}
	return toModules(func(http.Header) {})
}
