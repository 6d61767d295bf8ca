package message

import (
	"errors"
	"fmt"

	"github.com/modgate/modgate/core/module"
)

// OverrideType is what an administrator decides (O1). The zero value is
// invalid.
type OverrideType uint8

// The overrides of O1.
const (
	ForceResume  OverrideType = iota + 1 // the holder serves
	Grant                                // the UPDATE that waits is granted now
	Refuse                               // or never
	Promote                              // a version serves, above and below it nothing
	LowerFloor                           // older versions may register again
	ForceMissing                         // the module is missing, until Lift
	Lift                                 // Promote and ForceMissing bind no longer
	Drop                                 // an instance, a version or the module is forgotten
)

var overrideNames = [...]string{"", "force-resume", "grant", "refuse", "promote", "floor", "missing", "lift", "drop"}

func (t OverrideType) String() string { return overrideNames[t] }

// MarshalText writes the wire word.
func (t OverrideType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *OverrideType) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("type is missing: want " + overrideWords)
	}
	return parse(t, overrideNames[:], b, "type of override: want "+overrideWords)
}

const overrideWords = "force-resume, grant, refuse, promote, floor, missing, lift or drop"

// Override is the body of POST /v1/admin/modules/M/overrides (3.3).
type Override struct {
	Type           OverrideType   `json:"type"`
	Version        module.Version `json:"version,omitzero"`   // promote and floor: which; drop: all its instances
	Instance       string         `json:"instance,omitempty"` // force-resume, grant, refuse: none but this one; drop: it alone
	Who            string         `json:"who"`
	Why            string         `json:"why"`
	AcceptDataLoss bool           `json:"accept_data_loss,omitempty"` // promote and floor: below the floor, too
}

// maxWho bounds an administrator's name.
const maxWho = 256

// Check returns everything that is wrong with o, or nil.
func (o Override) Check() []Fault {
	var fs faults
	if o.Type == 0 {
		fs.add("/type", "want "+overrideWords)
	}
	if o.Who == "" || len(o.Who) > maxWho {
		fs.add("/who", fmt.Sprintf("want the name of who decides, of at most %d bytes", maxWho))
	}
	if o.Why == "" || len(o.Why) > maxReason {
		fs.add("/why", fmt.Sprintf("want the reason, of at most %d bytes: it is recorded", maxReason))
	}
	versioned := o.Type == Promote || o.Type == LowerFloor
	switch {
	case versioned && o.Version.IsZero():
		fs.add("/version", "want a semantic version such as 1.4.0")
	case !versioned && o.Type != Drop && !o.Version.IsZero():
		fs.add("/version", "only promote, floor and drop are about a version")
	}
	switch {
	case o.Instance == "":
	case versioned, o.Type == ForceMissing, o.Type == Lift:
		fs.add("/instance", "only force-resume, grant, refuse and drop are about an instance")
	case o.Type == Drop && !o.Version.IsZero():
		fs.add("/instance", "want an instance or a version, not both")
	}
	if o.AcceptDataLoss && !versioned {
		fs.add("/accept_data_loss", "only promote and floor may lose data")
	}
	return fs
}
