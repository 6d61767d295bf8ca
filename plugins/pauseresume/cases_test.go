//go:build !race

package main

import (
	"flag"
	"testing"

	"github.com/modgate/modgate/plugins/adaptertest"
)

var update = flag.Bool("update", false, "write what comes out into the cases")

func TestCases(t *testing.T) {
	adaptertest.Test(t, adaptertest.Options{
		File: adaptertest.Build(t, "."), Cases: "cases", Update: *update,
		NoBreak: true, // what the host makes of a guest that breaks is tested with smaller ones
	})
}
