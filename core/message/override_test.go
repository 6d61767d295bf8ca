package message

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/modgate/modgate/core/module"
)

func TestOverrideSaysWhatIsWrongWithIt(t *testing.T) { // O1, 3.3
	one := module.MustVersion("1.0.0")
	for _, c := range []struct {
		o    Override
		want []string // pointers
	}{
		{Override{}, []string{"/type", "/who", "/why"}},
		{Override{Type: Grant, Who: strings.Repeat("x", 257), Why: strings.Repeat("x", 1025)}, []string{"/who", "/why"}},
		{Override{Type: Promote, Who: "a", Why: "b"}, []string{"/version"}},
		{Override{Type: LowerFloor, Version: one, Instance: "i", Who: "a", Why: "b", AcceptDataLoss: true}, []string{"/instance"}},
		{Override{Type: Grant, Version: one, Who: "a", Why: "b"}, []string{"/version"}},
		{Override{Type: Lift, Instance: "i", Who: "a", Why: "b"}, []string{"/instance"}},
		{Override{Type: Drop, Version: one, Instance: "i", Who: "a", Why: "b"}, []string{"/instance"}},
		{Override{Type: ForceMissing, Who: "a", Why: "b", AcceptDataLoss: true}, []string{"/accept_data_loss"}},
		{Override{Type: Drop, Version: one, Who: "a", Why: "b"}, nil},
		{Override{Type: Refuse, Instance: "i", Who: "a", Why: "b"}, nil},
		{Override{Type: Promote, Version: one, Who: "a", Why: "b", AcceptDataLoss: true}, nil},
	} {
		var got []string
		for _, f := range c.o.Check() {
			got = append(got, f.Pointer)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: faults at %q, want %q", c.o, got, c.want)
		}
	}
}

func TestOverrideTypesAreWords(t *testing.T) { // 3.3
	for want := ForceResume; want <= Drop; want++ {
		text, err := json.Marshal(want)
		var got OverrideType
		if err != nil || json.Unmarshal(text, &got) != nil || got != want {
			t.Errorf("%s came back as %s (%v)", want, got, err)
		}
	}
	for _, wrong := range []string{`""`, `"resume"`} {
		var got OverrideType
		if err := json.Unmarshal([]byte(wrong), &got); err == nil || !strings.Contains(err.Error(), "force-resume") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
